import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSecrets } from './without-secrets.ts'

test('every URL of a value is shown without its credentials, on every line', () => {
  const lines = '\nhttps://me:hunter2@a.example/simple/\n  https://hunter2@b.example/\thttps://hunter2:x@c.example/\n'
  assert.equal(withoutSecrets(lines), 'https://a.example/simple/ https://b.example/ https://c.example/')
  assert.equal(withoutSecrets('https://a.example/?token=hunter2&x=1'), 'https://a.example/?token=***&x=1')
  assert.equal(withoutSecrets('name=https://${U}:${P}@a.example/ waxseal'), '***')
})

test('a value whose parts cannot be told apart is not shown', () => {
  for (const text of ['https://me:hunter2 x@a.example/', 'https://me:12 hunter2@a.example/', 'me:hunter2@a.example']) {
    assert.equal(withoutSecrets(text), '***', text)
  }
})

test('what holds no secret is shown as it is', () => {
  for (const text of ['https://a.example/simple', '/wheels', '1', String.raw`C:\wheels`, 'file:///srv/wheels']) {
    assert.equal(withoutSecrets(text), text)
  }
})
