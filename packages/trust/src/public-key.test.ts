import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import { canonicalJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'
import { generatePrivateKey, keySigner } from './key-signer.ts'
import { parseJson } from './parse-json.ts'
import { isSignedBy, KEY_SCHEMES, keyDocument, publicKeyOf, readPublicKey } from './public-key.ts'

function read(document: Encodable): JsonObject {
  const { value } = parseJson(Buffer.from(JSON.stringify(document)))
  assert.ok(isJsonObject(value))
  return value
}

const idOf = (document: Encodable) => createHash('sha256').update(canonicalJson(document)).digest('hex')

void suite('Public keys (specification 4.2; attacks.md ARB-3, ARB-4)', () => {
  for (const scheme of KEY_SCHEMES) {
    void test(`${scheme}: what is listed is read again as the same key, and verifies what it signed, nothing else`, async () => {
      const signer = keySigner(generatePrivateKey(scheme))
      const key = readPublicKey(signer.key.keyid, read(keyDocument(signer.key)))
      assert.ok(key !== undefined)
      assert.equal(key.fingerprint, signer.key.fingerprint)
      const bytes = Buffer.from('bytes')
      const signature = await signer.sign(bytes)
      assert.equal(isSignedBy(key, bytes, signature), true)
      assert.equal(isSignedBy(key, Buffer.from('other'), signature), false)
      assert.equal(isSignedBy(key, bytes, signature.subarray(1)), false)
      assert.equal(isSignedBy(key, bytes, new Uint8Array()), false)
      const other = keySigner(generatePrivateKey(scheme))
      assert.equal(isSignedBy(other.key, bytes, signature), false)
    })
  }

  void test('an Ed25519 key of another implementation has the id that it has there', () => {
    // securesystemslib: sha256 of the canonical form of keytype, scheme and keyval.
    const document = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: generated() } }
    const text = `{"keytype":"ed25519","keyval":{"public":"${document.keyval.public}"},"scheme":"ed25519"}`
    const keyid = createHash('sha256').update(text).digest('hex')
    assert.equal(readPublicKey(keyid, read(document))?.keyid, keyid)
  })

  void test('ECDSA is read under both names of its type', () => {
    const { key } = keySigner(generatePrivateKey('ecdsa-sha2-nistp256'))
    for (const keytype of ['ecdsa', 'ecdsa-sha2-nistp256']) {
      const document = { keytype, scheme: key.scheme, keyval: { public: key.public } }
      assert.equal(readPublicKey(idOf(document), read(document))?.fingerprint, key.fingerprint)
    }
  })

  void test('a key with more members has a second id, and is the same key', () => {
    const { key } = keySigner(generatePrivateKey())
    const document = { keytype: key.keytype, scheme: key.scheme, keyval: { public: key.public }, 'x-note': [1] }
    assert.equal(readPublicKey(idOf(document), read(document))?.fingerprint, key.fingerprint)
    assert.equal(readPublicKey(key.keyid, read(document))?.fingerprint, key.fingerprint)
  })

  const ed25519 = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: generated() } }
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ type: 'spki', format: 'pem' })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })
  // No key's that anybody has; its signatures would be longer than any that are read.
  const large = createPublicKey({
    key: { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(1025, 0xff).toString('base64url') },
    format: 'jwk',
  }).export({ type: 'spki', format: 'pem' })
  const unusable: Record<string, Encodable> = {
    'an unknown scheme': { ...ed25519, scheme: 'ed448' },
    'RSA by its type, Ed25519 by its bytes': { ...ed25519, keytype: 'rsa', scheme: 'rsassa-pss-sha256' },
    'a type that does not fit the scheme': { ...ed25519, keytype: 'rsa' },
    'another curve': { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: p384 } },
    'an RSA key that is too small': { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: small } },
    'an RSA key that is too large': { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: large } },
    'RSA in the padding that TUF does not have': {
      keytype: 'rsa',
      scheme: 'rsa-pkcs1v15-sha256',
      keyval: { public: small },
    },
    'half a key': { ...ed25519, keyval: { public: ed25519.keyval.public.slice(0, 32) } },
    'upper case': { ...ed25519, keyval: { public: `${ed25519.keyval.public.slice(0, 63)}A` } },
    'no PEM': { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: 'none' } },
    'a private key': {
      keytype: 'ecdsa',
      scheme: 'ecdsa-sha2-nistp256',
      keyval: { public: generatePrivateKey('ecdsa-sha2-nistp256').export({ type: 'pkcs8', format: 'pem' }) },
    },
    'no key value': { keytype: 'ed25519', scheme: 'ed25519' },
    'a type that is no text': { ...ed25519, keytype: 1 },
  }
  for (const [what, document] of Object.entries(unusable)) {
    void test(`${what}: no key that counts, and no error`, () => {
      assert.equal(readPublicKey(idOf(document), read(document)), undefined)
    })
  }

  void test('an id that is not the hash of the key makes it no key', () => {
    assert.equal(readPublicKey('0'.repeat(64), read(ed25519)), undefined)
    assert.equal(readPublicKey('', read(ed25519)), undefined)
    assert.equal(readPublicKey(idOf(ed25519).toUpperCase(), read(ed25519)), undefined)
  })

  void test('a private key of another kind is refused in words', () => {
    const { publicKey } = generateKeyPairSync('x25519')
    assert.throws(() => publicKeyOf(publicKey), { code: 'key-invalid' })
  })
})

function generated(): string {
  return keySigner(generatePrivateKey()).key.public
}
