import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkAttestations } from './attestations.ts'

const SHA256 = 'a'.repeat(64)
const file = { filename: 'demo-1.0-py3-none-any.whl', sha256: SHA256 }
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

function statement(change: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: file.filename, digest: { sha256: SHA256 } }],
    predicateType: 'https://docs.pypi.org/attestations/publish/v1',
    predicate: null,
    ...change,
  }
}

function attestation(change: object = {}, inner: object = statement()): object {
  return {
    version: 1,
    verification_material: { certificate: 'AAAA', transparency_entries: [{}] },
    envelope: { statement: base64(inner), signature: 'AAAA' },
    ...change,
  }
}

function check(attestations: unknown): string {
  const result = checkAttestations(JSON.stringify(attestations), file)
  return result.kind === 'ok' ? 'ok' : result.message
}

test('one attestation about this file is kept as it came', () => {
  const text = JSON.stringify([attestation()], null, 2)
  const result = checkAttestations(text, file)
  assert.equal(result.kind === 'ok' && Buffer.from(result.document).toString(), text)
})

test('two attestations need two predicate types', () => {
  const slsa = attestation({}, statement({ predicateType: 'https://slsa.dev/provenance/v1' }))
  assert.equal(check([attestation(), slsa]), 'ok')
  assert.match(check([attestation(), attestation()]), /two attestations have the same predicate type\.$/)
})

test('PEP 740: the subject may spell the same file in another way', () => {
  assert.equal(
    check([
      attestation({}, statement({ subject: [{ name: 'Demo-1.0-PY3-none-any.whl', digest: { sha256: SHA256 } }] })),
    ]),
    'ok',
  )
})

test('what is not a list of attestations is refused with PyPI’s beginning of the sentence', () => {
  const broken: readonly unknown[] = [
    null,
    {},
    [],
    [null],
    [attestation(), attestation(), attestation()],
    [attestation({ version: 2 })],
    [attestation({ verification_material: {} })],
    [attestation({ verification_material: { certificate: 'not base64!', transparency_entries: [{}] } })],
    [attestation({ verification_material: { certificate: 'AAAA', transparency_entries: [] } })],
    [attestation({ envelope: { statement: '', signature: 'AAAA' } })],
    [attestation({ envelope: { statement: 'AAAA', signature: 'AAAA' } })],
  ]
  for (const value of broken) {
    const result = checkAttestations(JSON.stringify(value), file)
    assert.equal(result.kind === 'refused' && result.code, 'upload-attestations-invalid', JSON.stringify(value))
    assert.match(result.kind === 'refused' ? result.message : '', /^Invalid attestations supplied during upload: /)
  }
})

test('a statement about something else is refused', () => {
  const subject = { name: file.filename, digest: { sha256: SHA256 } }
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ subject: [{ ...subject, name: 'other-1.0-py3-none-any.whl' }] }, /another file/],
    [{ subject: [{ ...subject, name: '../../etc/passwd' }] }, /another file/],
    [{ subject: [{ ...subject, digest: { sha256: 'b'.repeat(64) } }] }, /digest/],
    [{ subject: [subject, subject] }, /about one file/],
    [{ subject: [] }, /about one file/],
    [{ _type: 'https://in-toto.io/Statement/v0.1' }, /in-toto/],
  ]
  for (const [change, expected] of cases) assert.match(check([attestation({}, statement(change))]), expected)
})

test('whatever the field holds, the answer is a value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.equal(checkAttestations(text, file).kind, 'refused')
    }),
  )
})
