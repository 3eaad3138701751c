import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../command-error.ts'
import { indexAddress } from './index-address.ts'

test('an address may be given with or without simple/, under any prefix', () => {
  for (const text of ['https://p.example/python', 'https://p.example/python/', 'https://p.example/python/simple/']) {
    const { url, simple, legacy } = indexAddress(text)
    assert.deepEqual(
      [url, simple, legacy],
      ['https://p.example/python', 'https://p.example/python/simple/', 'https://p.example/python/legacy/'],
    )
  }
  assert.equal(indexAddress('http://[::1]:8417').simple, 'http://[::1]:8417/simple/')
})

test('plain http is called insecure for other machines only, as pip does', () => {
  const insecure = (text: string) => indexAddress(text).insecure
  assert.deepEqual(['http://p.example', 'http://10.0.0.1:8417'].map(insecure), [true, true])
  assert.deepEqual(['https://p.example', 'http://127.0.0.1:1', 'http://localhost', 'http://[::1]'].map(insecure), [
    false,
    false,
    false,
    false,
  ])
})

test('credentials, queries, other schemes and words for a shell are refused, and no password is repeated', () => {
  const wrong = [
    '',
    'packages.example',
    'ftp://x/',
    'https://u:hunter2@x/',
    'https://x/?a',
    'https://x/$(id)/',
    "https://x/'/",
  ]
  for (const text of wrong) {
    assert.throws(
      () => indexAddress(text),
      (error) => error instanceof CommandError && error.exitCode === 2 && !error.message.includes('hunter2'),
      text,
    )
  }
})
