import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from './canonical-json.ts'
import { TrustError } from './error.ts'
import { generatePrivateKey, keySigner } from './key-signer.ts'
import { KEY_SCHEMES, keyDocument } from './public-key.ts'
import { readMetadata } from './read-metadata.ts'
import { verifyThreshold } from './threshold.ts'
import { SPEC_VERSION, writeMetadata } from './write-metadata.ts'

for (const scheme of KEY_SCHEMES) {
  void test(`a root signed with ${scheme} is read and verified, and one byte less is not`, async () => {
    const signer = keySigner(generatePrivateKey(scheme))
    const trusted = { keyids: [signer.key.keyid], threshold: 1 }
    const document = {
      _type: 'root',
      spec_version: SPEC_VERSION,
      version: 1,
      expires: '2030-01-01T00:00:00Z',
      consistent_snapshot: true,
      keys: { [signer.key.keyid]: keyDocument(signer.key) },
      roles: { root: trusted, timestamp: trusted, snapshot: trusted, targets: trusted },
    }
    const bytes = await writeMetadata(document, [signer])
    const root = readMetadata('root', bytes)
    assert.equal(Buffer.from(root.signedBytes).toString(), canonicalJson(document))
    const trust = { ...trusted, keys: root.signed.keys }
    assert.deepEqual(
      verifyThreshold('root', root, trust).map(({ keyid }) => keyid),
      [signer.key.keyid],
    )
    const other = { ...root, signedBytes: root.signedBytes.subarray(1) }
    assert.throws(
      () => verifyThreshold('root', other, trust),
      (error) => error instanceof TrustError && error.code === 'threshold-not-met',
    )
  })
}
