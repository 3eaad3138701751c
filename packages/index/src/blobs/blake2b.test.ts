import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { Blake2b256 } from './blake2b.ts'

/** Bytes that follow from their number, so that Python makes the same ones. */
function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) * 7) & 255
  return bytes
}

function digest(...chunks: readonly Uint8Array[]): string {
  const hash = new Blake2b256()
  for (const chunk of chunks) hash.update(chunk)
  return hash.hex()
}

/** Around every place where a block or the module's memory is full. */
const LENGTHS = [0, 1, 127, 128, 129, 255, 256, 257, 4096, 130_816, 130_944, 130_945, 131_072, 400_001]

describe('Blake2b256', () => {
  it('gives the known digests of nothing and of abc', () => {
    assert.equal(digest(), '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8')
    assert.equal(digest(Buffer.from('abc')), 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319')
  })

  it('is not a shortened BLAKE2b-512', () => {
    const long = createHash('blake2b512').update('abc').digest('hex')
    assert.notEqual(digest(Buffer.from('abc')), long.slice(0, 64))
  })

  it('does not depend on how the bytes are cut', () => {
    const bytes = sample(131_072 + 500)
    const whole = digest(bytes)
    for (const step of [1, 64, 127, 128, 129, 65_536]) {
      const hash = new Blake2b256()
      for (let at = 0; at < bytes.length; at += step) hash.update(bytes.subarray(at, at + step))
      assert.equal(hash.hex(), whole, `cut every ${step} bytes`)
    }
  })

  it('keeps hashes that run side by side apart', () => {
    const [one, two] = [new Blake2b256(), new Blake2b256()]
    for (let turn = 0; turn < 5; turn++) {
      one.update(sample(300))
      two.update(sample(77))
    }
    assert.equal(one.hex(), digest(...Array.from({ length: 5 }, () => sample(300))))
    assert.equal(two.hex(), digest(...Array.from({ length: 5 }, () => sample(77))))
  })

  it('agrees with Python', (context) => {
    const script = `
import hashlib
for n in ${JSON.stringify(LENGTHS)}:
    print(hashlib.blake2b(bytes((i * 31 + (i >> 8) * 7) & 255 for i in range(n)), digest_size=32).hexdigest())`
    const python = spawnSync('python3', ['-c', script], { encoding: 'utf8' })
    if (python.error !== undefined && process.env['CI'] === undefined) return context.skip('python3 is not here')
    assert.equal(python.status, 0, python.stderr)
    assert.deepEqual(
      LENGTHS.map((length) => digest(sample(length))),
      python.stdout.trim().split('\n'),
    )
  })
})
