import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTarget, relativeRoot } from './path.ts'

function segmentsOf(target: string): readonly string[] | string {
  const parsed = parseTarget(target)
  return parsed.kind === 'path' ? parsed.segments : parsed.code
}

test('a path is split into segments that are decoded once; the query stays as sent', () => {
  assert.deepEqual(parseTarget('/simple/demo/?format=a%2Bb'), {
    kind: 'path',
    segments: ['simple', 'demo'],
    trailingSlash: true,
    query: 'format=a%2Bb',
  })
  assert.deepEqual(segmentsOf('/files/demo/a%2B1%20%C3%A9.whl'), ['files', 'demo', 'a+1 \u00E9.whl'])
  assert.deepEqual(segmentsOf('/a/%2541'), ['a', '%41'])
})

test('runs of slashes count as one (behaviour.md 7.3.1)', () => {
  assert.deepEqual(segmentsOf('/simple//demo/'), ['simple', 'demo'])
  assert.deepEqual(segmentsOf('//simple/demo'), ['simple', 'demo'])
  assert.deepEqual(parseTarget('/'), { kind: 'path', segments: [], trailingSlash: true, query: '' })
})

test('SMUG, CACHE-POIS: the authority of an absolute form is ignored', () => {
  assert.deepEqual(segmentsOf('http://evil.example/simple/demo/'), ['simple', 'demo'])
  assert.deepEqual(segmentsOf('HTTPS://evil.example'), [])
  assert.deepEqual(segmentsOf('http://evil.example?x=/simple'), [])
  assert.equal(segmentsOf('evil.example:443'), 'bad-request')
  assert.equal(segmentsOf('*'), 'bad-request')
  assert.equal(segmentsOf(''), 'bad-request')
  assert.equal(segmentsOf('file:///etc/passwd'), 'bad-request')
})

test('FN-PATH: dot segments, encoded separators, control characters and bad encodings are refused', () => {
  for (const segment of [
    '..',
    '.',
    '%2e%2e',
    '%2E',
    'a%2Fb',
    'a%2fb',
    'a%5Cb',
    'a\\b',
    '%00',
    '%0d%0a',
    '%7F',
    '%C2%85',
  ]) {
    assert.equal(segmentsOf(`/files/${segment}/x`), 'bad-request', segment)
  }
  for (const segment of ['%', '%4', '%zz', '%ff', '%C3', '%ED%A0%80', 'a#b']) {
    assert.equal(segmentsOf(`/files/${segment}`), 'bad-request', segment)
  }
})

test('lengths are bounded', () => {
  assert.equal(segmentsOf(`/${'a/'.repeat(5_000)}`), 'uri-too-long')
  assert.equal(segmentsOf(`/${'a'.repeat(600)}`), 'uri-too-long')
  assert.equal(segmentsOf(`/${'a/'.repeat(50)}`), 'uri-too-long')
})

test('FN-PATH: no target yields a segment that could leave a folder', () => {
  const piece = fc.constantFrom('..', '.', '%2e', '%2f', '/', '\\', '%5c', '%00', '%', '?', '#', 'a', '%25', '2e', ' ')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const parsed = parseTarget(`/${pieces.join('')}`)
      if (parsed.kind === 'refused') return
      for (const segment of parsed.segments) {
        assert.ok(segment !== '' && segment !== '.' && segment !== '..' && !/[/\\\0]/.test(segment))
      }
    }),
  )
})

test('the relative root resolves to the root from wherever the request came, under any prefix', () => {
  for (const target of [
    '/',
    '/simple',
    '/simple/',
    '/simple//demo/?a=/b/',
    '/files/p/0/f.whl',
    'http://h.example/a/b',
  ]) {
    for (const base of ['http://index.example', 'https://index.example/sub/path']) {
      const path = target.replace(/^http:\/\/h.example/, '')
      assert.equal(new URL(relativeRoot(target), base + path).href, `${base}/`, `${target} at ${base}`)
    }
  }
  assert.equal(relativeRoot('/x'.repeat(5_000)), '/')
})
