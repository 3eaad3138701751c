import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generatePassphrase, normalPassphrase } from './passphrase.ts'

test('a generated passphrase is seven groups of four, every byte a letter of its own', () => {
  assert.match(generatePassphrase(), /^(?:[\da-hjkmnp-tv-z]{4}-){6}[\da-hjkmnp-tv-z]{4}$/)
  assert.equal(
    generatePassphrase((size) => Uint8Array.from({ length: size }, (_, at) => at)),
    '0123-4567-89ab-cdef-ghjk-mnpq-rstv',
  )
  // 32 letters divide 256: each letter is as likely as any other.
  const counts = new Map<string, number>()
  for (let byte = 0; byte < 256; byte += 1) {
    const letter = generatePassphrase((size) => new Uint8Array(size).fill(byte)).charAt(0)
    counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  assert.deepEqual([...new Set(counts.values())], [8])
  assert.equal(counts.size, 32)
  assert.notEqual(generatePassphrase(), generatePassphrase())
})

test('a generated passphrase is read as people copy it by hand', () => {
  const passphrase = '0123-4567-89ab-cdef-ghjk-mnpq-rstv'
  const read = normalPassphrase(passphrase)
  for (const copied of [
    'O123-4567-89AB-CDEF-GHJK-MNPQ-RSTV',
    ' 0l23 4567 89ab cdef ghjk mnpq rstv\n',
    'oi23456789abcdefghjkmnpqrstv',
  ]) {
    assert.equal(normalPassphrase(copied), read)
  }
  assert.notEqual(normalPassphrase('0123-4567-89ab-cdef-ghjk-mnpq-rsty'), read)
})

test('a passphrase of one’s own stays as it is, but for the space around it and the form of its accents', () => {
  assert.equal(normalPassphrase('Il faut Oser-souvent'), 'Il faut Oser-souvent')
  assert.equal(normalPassphrase('cafe\u0301 noir trois fois\r\n'), 'caf\u00E9 noir trois fois')
})
