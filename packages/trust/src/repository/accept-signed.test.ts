import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Encodable } from '../canonical-json.ts'
import type { TrustErrorCode } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { MAX_SIGNED_FILE } from '../limits.ts'
import { keyDocument } from '../public-key.ts'
import { writeTime } from '../timestamps.ts'
import { writeMetadata } from '../write-metadata.ts'
import type { SignedDocument } from '../write-metadata.ts'
import type { KeySet } from './role-document.ts'
import { rootDocument } from './initial-documents.ts'
import { topTrust } from './repository-state.ts'
import { refusedWith } from './testing/refused-with.ts'
import { DAY, newSigner, SampleRepository, START } from './testing/sample-repository.ts'

/** The next root of a sample, in which dora takes cleo's place. */
function nextRoot(sample: SampleRepository, version = 2, expires = START + 300 * DAY): JsonObject {
  const keysOf = (role: 'snapshot' | 'targets' | 'timestamp'): KeySet => {
    const { keyids, keys, threshold } = topTrust(sample.state.root.signed, role)
    return { keys: keyids.flatMap((keyid) => keys.get(keyid) ?? []), threshold }
  }
  return rootDocument(version, expires, {
    root: { keys: [sample.signer('anna').key, sample.signer('ben').key, DORA.key], threshold: 2 },
    targets: keysOf('targets'),
    snapshot: keysOf('snapshot'),
    timestamp: keysOf('timestamp'),
  })
}

const DORA = newSigner()

type Signing = readonly [document: JsonObject, ...holders: ('anna' | 'ben' | 'cleo' | 'dora')[]]

const ROOTS: Readonly<Record<string, readonly [TrustErrorCode, string, (sample: SampleRepository) => Signing]>> = {
  'one of the old keys has signed (KC-7)': [
    'threshold-not-met',
    'old one',
    (sample) => [nextRoot(sample), 'ben', 'dora'],
  ],
  'one of its own keys has signed': ['threshold-not-met', 'its own', (sample) => [nextRoot(sample), 'anna', 'cleo']],
  'its version skips one': ['version-mismatch', 'root', (sample) => [nextRoot(sample, 3), 'anna', 'ben']],
  'its version is the one that is out (RB-ROOT)': [
    'version-mismatch',
    'root',
    (sample) => [nextRoot(sample, 1), 'anna', 'ben'],
  ],
  'it has expired (FZ-ROOT)': ['expired', 'root', (sample) => [nextRoot(sample, 2, START), 'anna', 'ben']],
  'its snapshots are not consistent': [
    'metadata-invalid',
    'consistent',
    (sample) => [new Map([...nextRoot(sample), ['consistent_snapshot', false]]), 'anna', 'ben'],
  ],
}

suite('A root that is handed in', () => {
  for (const [what, [code, words, make]] of Object.entries(ROOTS)) {
    void test(`is refused where ${what}`, async () => {
      const sample = await SampleRepository.create()
      const [document, ...holders] = make(sample)
      const signers = holders.map((name) => (name === 'dora' ? DORA : sample.signer(name)))
      const root = await writeMetadata(document, signers)
      await assert.rejects(sample.plan({ root }), refusedWith(code, words))
    })
  }

  void test('is taken where nothing of this is so', async () => {
    const sample = await SampleRepository.create()
    const root = await writeMetadata(nextRoot(sample), [sample.signer('anna'), sample.signer('ben')])
    await sample.publish({ root })
    assert.equal(sample.verify().root.signed.version, 2)
  })
})

/** The next version of a role of the table, with other delegations. */
function roleFile(delegations: Encodable, more: { readonly [name: string]: Encodable } = {}): SignedDocument {
  const expires = writeTime(START + 100 * DAY)
  return { _type: 'targets', spec_version: '1.0.34', version: 2, expires, targets: {}, delegations, ...more }
}

const key = { [DORA.key.keyid]: keyDocument(DORA.key) }
const trust = { keyids: [DORA.key.keyid], threshold: 1 }

const ROLES: Readonly<Record<string, readonly [role: string, TrustErrorCode, string, SignedDocument]>> = {
  'delegates by hash prefixes': [
    'sealed-3f',
    'metadata-invalid',
    'hash prefixes',
    roleFile({ keys: key, roles: [{ ...trust, name: 'p.six', terminating: true, path_hash_prefixes: ['00'] }] }),
  ],
  'has other bins than the table': [
    'bins',
    'metadata-invalid',
    'bins',
    roleFile({ keys: key, succinct_roles: { ...trust, bit_length: 5, name_prefix: 'bin' } }),
  ],
  'has bins of another name than the table': [
    'bins',
    'metadata-invalid',
    'bins',
    roleFile({ keys: key, succinct_roles: { ...trust, bit_length: 4, name_prefix: 'nib' } }),
  ],
  'is larger than other clients read': [
    'sealed-3f',
    'limit-exceeded',
    'too large',
    roleFile({ keys: {}, roles: [] }, { 'x-more': 'x'.repeat(MAX_SIGNED_FILE) }),
  ],
}

suite('A role of the table that is handed in', () => {
  for (const [what, [role, code, words, document]] of Object.entries(ROLES)) {
    void test(`is refused where it ${what}`, async () => {
      const sample = await SampleRepository.create()
      const bytes = await writeMetadata(document, [sample.signer('anna'), sample.signer('ben')])
      await assert.rejects(sample.plan({ signed: [{ role, bytes }] }), refusedWith(code, words))
    })
  }
})
