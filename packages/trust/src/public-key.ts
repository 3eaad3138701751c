import { constants, createHash, createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import { TrustError } from './error.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'
import { MAX_PUBLIC_KEY } from './limits.ts'

/** What a signature is made and checked with; `keytype` and `scheme` of the specification (4.2) in one. */
export const KEY_SCHEMES = ['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256'] as const
export type KeyScheme = (typeof KEY_SCHEMES)[number]

/** The key types under which a scheme may stand: ECDSA has two, the newer and the one that python-tuf wrote for long. */
const KEY_TYPES: Readonly<Record<KeyScheme, readonly string[]>> = {
  ed25519: ['ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa', 'ecdsa-sha2-nistp256'],
  'rsassa-pss-sha256': ['rsa'],
}

/** RSA keys below this are refused; and those whose signatures are longer than is read (`MAX_SIGNATURE`). */
const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192
/** What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const HEX_KEY = /^[\da-f]{64}$/
/** Node takes a private key or a certificate for a public key too; neither is one to publish, and other clients take neither. */
const PEM_KEY = /^-----BEGIN PUBLIC KEY-----[\dA-Za-z+/=\s]+-----END PUBLIC KEY-----\s*$/

/** A public key as metadata lists it. */
export interface PublicKey {
  readonly keyid: string
  readonly keytype: string
  readonly scheme: KeyScheme
  /** Hexadecimal for Ed25519, PEM of a SubjectPublicKeyInfo for the others. */
  readonly public: string
  readonly keyObject: KeyObject
  /** The same for the same key whatever it is called: thresholds count these (attacks.md ARB-3). */
  readonly fingerprint: string
}

/** The public key of `keyObject`, as metadata lists it. @throws TrustError `key-invalid` for a key of another kind */
export function publicKeyOf(keyObject: KeyObject): PublicKey {
  const scheme = schemeOf(keyObject)
  if (scheme === undefined) throw invalid('only Ed25519, ECDSA on P-256, and RSA of 2,048 to 8,192 bits are supported')
  const text =
    scheme === 'ed25519'
      ? spki(keyObject).subarray(ED25519_SPKI.length).toString('hex')
      : keyObject.export({ type: 'spki', format: 'pem' })
  const keytype = KEY_TYPES[scheme][0] ?? scheme
  return keyFrom(keyIdOf(keytype, scheme, text), keytype, scheme, text, keyObject)
}

/** The Ed25519 key of its 32 bytes. */
export function ed25519Key(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, bytes]), format: 'der', type: 'spki' })
}

/** A key as it stands in metadata. */
export function keyDocument({ keytype, scheme, public: text }: PublicKey): Encodable {
  return { keytype, scheme, keyval: { public: text } }
}

/**
 * Reads a key of metadata. `undefined` for one that cannot count: an unknown type or scheme, a type that does not fit its
 * scheme, bytes that are no such key, or an id that is not the key's own hash. The others still count (attacks.md ARB-4;
 * specification 4.2: "clients MUST calculate each KEYID").
 */
export function readPublicKey(keyid: string, document: JsonObject): PublicKey | undefined {
  const fields = fieldsOf(document)
  if (fields === undefined || !idsOf(fields, document).includes(keyid)) return undefined
  const keyObject = keyObjectOf(fields)
  return keyObject && keyFrom(keyid, fields.keytype, fields.scheme, fields.text, keyObject)
}

/** The key that stands in a document without an id; `undefined` as for `readPublicKey`. */
export function readKeyDocument(document: JsonObject): KeyObject | undefined {
  const fields = fieldsOf(document)
  return fields && keyObjectOf(fields)
}

interface KeyFields {
  readonly keytype: string
  readonly scheme: KeyScheme
  readonly text: string
}

function fieldsOf(document: JsonObject): KeyFields | undefined {
  const keytype = document.get('keytype')
  const scheme = document.get('scheme')
  const keyval = document.get('keyval')
  const text = isJsonObject(keyval) ? keyval.get('public') : undefined
  if (typeof keytype !== 'string' || typeof scheme !== 'string' || typeof text !== 'string') return undefined
  if (!isScheme(scheme) || !KEY_TYPES[scheme].includes(keytype) || text.length > MAX_PUBLIC_KEY) return undefined
  return { keytype, scheme, text }
}

function keyObjectOf({ scheme, text }: KeyFields): KeyObject | undefined {
  const keyObject = readKeyObject(scheme, text)
  return keyObject === undefined || schemeOf(keyObject) !== scheme ? undefined : keyObject
}

/** Whether `signature` is `key`'s over `bytes`. Never throws: a malformed signature is a wrong one. */
export function isSignedBy(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    switch (key.scheme) {
      case 'ed25519':
        return verify(null, bytes, key.keyObject, signature)
      case 'ecdsa-sha2-nistp256':
        return verify('sha256', bytes, key.keyObject, signature)
      case 'rsassa-pss-sha256':
        return verify('sha256', bytes, { key: key.keyObject, ...PSS }, signature)
    }
  } catch {
    return false
  }
}

/** RSASSA-PSS as TUF uses it: MGF1 and hash alike, the salt as long as the signer made it. */
export const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }

function keyFrom(keyid: string, keytype: string, scheme: KeyScheme, text: string, keyObject: KeyObject): PublicKey {
  const fingerprint = createHash('sha256').update(identityOf(keyObject)).digest('hex')
  return { keyid, keytype, scheme, public: text, keyObject, fingerprint }
}

function keyIdOf(keytype: string, scheme: string, text: string): string {
  return hashOf({ keytype, scheme, keyval: { public: text } })
}

/** The ids in use for one key: of its three fields (securesystemslib), or of everything that stands in it (the specification). */
function idsOf({ keytype, scheme, text }: KeyFields, document: JsonObject): readonly string[] {
  return [keyIdOf(keytype, scheme, text), hashOf(document)]
}

function hashOf(document: Encodable): string {
  return createHash('sha256').update(canonicalJson(document)).digest('hex')
}

function readKeyObject(scheme: KeyScheme, text: string): KeyObject | undefined {
  try {
    if (scheme !== 'ed25519') return PEM_KEY.test(text) ? createPublicKey(text) : undefined
    return HEX_KEY.test(text) ? ed25519Key(Buffer.from(text, 'hex')) : undefined
  } catch {
    return undefined
  }
}

function schemeOf(key: KeyObject): KeyScheme | undefined {
  const details = key.asymmetricKeyDetails
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return 'ed25519'
    case 'ec':
      return details?.namedCurve === 'prime256v1' ? 'ecdsa-sha2-nistp256' : undefined
    case 'rsa': {
      const bits = details?.modulusLength ?? 0
      return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS ? 'rsassa-pss-sha256' : undefined
    }
    default:
      return undefined
  }
}

/** The same for one key however it was written: the point of an elliptic curve may be compressed, or not (attacks.md ARB-3). */
function identityOf(key: KeyObject): Buffer | string {
  if (key.asymmetricKeyType !== 'ec') return spki(key)
  const { crv, x, y } = key.export({ format: 'jwk' })
  return JSON.stringify({ crv, x, y })
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function isScheme(text: string): text is KeyScheme {
  return (KEY_SCHEMES as readonly string[]).includes(text)
}

function invalid(reason: string): TrustError {
  return new TrustError('key-invalid', `The key cannot be used: ${reason}.`)
}
