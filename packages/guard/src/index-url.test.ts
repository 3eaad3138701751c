import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexUrl, isPrivateWay } from './index-url.ts'

const SAME = 'https://packages.example'

for (const written of [
  SAME,
  `${SAME}/`,
  `${SAME}/simple`,
  `${SAME}/simple/`,
  'https://packages.example:443//',
  `${SAME}/?x#y`,
]) {
  void test(`${written} is the index at ${SAME}`, () => assert.equal(indexUrl(written), SAME))
}

void test('an index may stand under a path', () => {
  assert.equal(indexUrl('http://127.0.0.1:8417/pypi/simple/'), 'http://127.0.0.1:8417/pypi')
})

for (const written of [
  'packages.example',
  'file:///srv',
  'ftp://packages.example',
  '',
  'https://u:p@packages.example/',
]) {
  void test(`${JSON.stringify(written)} is no index`, () =>
    assert.throws(() => indexUrl(written), { code: 'not-trusted' }))
}

void test('only TLS and this machine itself carry a token', () => {
  assert.ok(['https://a.example', 'http://localhost:1', 'http://127.0.0.2', 'http://[::1]:8'].every(isPrivateWay))
  assert.ok(!['http://a.example', 'http://127.example', 'http://10.0.0.1'].some(isPrivateWay))
})
