import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generatePrivateKey, keySigner } from './key-signer.ts'
import { KEY_SCHEMES } from './public-key.ts'
import { readPublicKeyFile, writePublicKey } from './public-key-file.ts'
import { refusedWith } from './repository/testing/refused-with.ts'

for (const scheme of KEY_SCHEMES) {
  void test(`the public half of a key for ${scheme} is read as it was written`, () => {
    const { key } = keySigner(generatePrivateKey(scheme))
    const { keyid, fingerprint } = readPublicKeyFile(writePublicKey(key))
    assert.deepEqual({ keyid, fingerprint }, { keyid: key.keyid, fingerprint: key.fingerprint })
  })
}

void test('a key under another keytype, or with more in its file, has the one id that is its own', () => {
  const { key } = keySigner(generatePrivateKey('ecdsa-sha2-nistp256'))
  const text = Buffer.from(writePublicKey(key)).toString()
  const other = text.replace('"keytype":"ecdsa"', '"keytype":"ecdsa-sha2-nistp256","x-of":"anna"')
  assert.notEqual(other, text)
  assert.equal(readPublicKeyFile(Buffer.from(other)).keyid, key.keyid)
})

void test('what is no public key is refused', () => {
  const pem = generatePrivateKey().export({ type: 'pkcs8', format: 'pem' })
  for (const text of [
    pem,
    '[]',
    '{"keytype":"ed25519"}',
    '{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}',
  ]) {
    assert.throws(() => readPublicKeyFile(Buffer.from(text)), refusedWith('key-invalid'))
  }
})
