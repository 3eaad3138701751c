import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REASON_PHRASE_MAX } from '../limits.ts'
import { foldReason } from './reason-phrase.ts'

test('plain ASCII passes as it is', () => {
  assert.equal(foldReason("File already exists ('a-1.0.tar.gz')."), "File already exists ('a-1.0.tar.gz').")
})

test('typography becomes ASCII, Latin-1 letters stay, other letters lose their marks or become a question mark', () => {
  assert.equal(
    foldReason('withheld \u2014 \u201Cnew\u201D project\u2019s file\u2026'),
    'withheld - "new" project\'s file...',
  )
  assert.equal(foldReason('Caf\u00E9 \u0150ry'), 'Caf\u00E9 Ory')
  assert.equal(foldReason('\u540D\u524D \u{1F600}'), '?? ?')
})

test('line ends, control characters and runs of blanks become one blank, so that no header can be injected', () => {
  assert.equal(foldReason(' a\r\nSet-Cookie: x=1\0\u0085\u2028\u00A0b\t'), 'a Set-Cookie: x=1 b')
})

test('invisible and direction-changing characters vanish', () => {
  assert.equal(foldReason('a\u200B\u202Eb\u00ADc\uFEFF'), 'abc')
})

test('a long text is cut and says so', () => {
  const folded = foldReason('word '.repeat(10_000))
  assert.ok(folded.length <= REASON_PHRASE_MAX)
  assert.ok(folded.endsWith('...'))
})

test('whatever comes in, what comes out is printable Latin-1 within the cap, and folding again changes nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 700 }), fc.string({ maxLength: 700 })), (text) => {
      const folded = foldReason(text)
      assert.match(folded, /^(?:[!-~\u00A1-\u00AC\u00AE-\u00FF](?: ?[!-~\u00A1-\u00AC\u00AE-\u00FF])*)?$/)
      assert.ok(folded.length <= REASON_PHRASE_MAX)
      assert.equal(foldReason(folded), folded)
    }),
  )
})
