import { argon2, createCipheriv, createDecipheriv, createPrivateKey, createPublicKey } from 'node:crypto'
import type { CipherGCMTypes, KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { canonicalJson, wireJson } from '../canonical-json.ts'
import type { Encodable } from '../canonical-json.ts'
import { TrustError } from '../error.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import { MAX_KDF_LANES, MAX_KDF_MEMORY_KIB, MAX_KDF_PASSES, MAX_KEY_FILE, MAX_PASSPHRASE } from '../limits.ts'
import { parseJson } from '../parse-json.ts'
import { keyDocument, publicKeyOf, readPublicKey } from '../public-key.ts'
import type { PublicKey } from '../public-key.ts'
import { checkPassphrase, normalPassphrase, systemRandom } from './passphrase.ts'
import type { Random } from './passphrase.ts'

/** What making the key of a file from its passphrase costs (RFC 9106): memory in KiB, passes over it, lanes. */
export interface KdfCost {
  readonly memory: number
  readonly passes: number
  readonly lanes: number
}

/** A private key under a passphrase. Its public key is in clear: a holder recognises the file without opening it. */
export interface EncryptedKey {
  readonly key: PublicKey
  readonly kdf: KdfCost & { readonly salt: Uint8Array }
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
  /** Everything else that stands in the file, as the cipher binds it. */
  readonly bound: Uint8Array
}

const TYPE = 'waxseal-encrypted-key'
const VERSION = 1
const KDF = 'argon2id'
const CIPHER = 'aes-256-gcm' satisfies CipherGCMTypes
const SALT_LENGTH = 16
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const SECRET_LENGTH = 32
/** The least Argon2 memory for each lane, in KiB, that Node takes. */
const MIN_KDF_MEMORY_KIB = 8
/** A second on a small machine, once per start or ceremony: four times RFC 9106's choice for little memory. */
const COST: KdfCost = { memory: 262_144, passes: 3, lanes: 4 }

const derive = promisify(argon2)

/**
 * The bytes of a key file (docs/keys.md has the format): argon2id makes a key of the passphrase, AES-256-GCM encrypts the
 * PKCS#8 with it and binds all that stands beside it.
 * @throws TrustError `passphrase-wrong` for one that is too short or too long
 */
export async function encryptKey(
  privateKey: KeyObject,
  passphrase: string,
  { random = systemRandom, cost = COST }: { readonly random?: Random; readonly cost?: KdfCost } = {},
): Promise<Uint8Array> {
  checkPassphrase(passphrase)
  const key = publicKeyOf(createPublicKey(privateKey))
  const kdf = { ...cost, salt: random(SALT_LENGTH) }
  const nonce = random(NONCE_LENGTH)
  const header = headerOf(key, kdf, nonce)
  const cipher = createCipheriv(CIPHER, await secretOf(passphrase, kdf), nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(Buffer.from(canonicalJson(header)))
  const ciphertext = Buffer.concat([
    cipher.update(privateKey.export({ type: 'pkcs8', format: 'der' })),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return Buffer.from(`${wireJson({ ...header, ciphertext: ciphertext.toString('base64') })}\n`)
}

/**
 * Reads a key file without opening it.
 * @throws TrustError `key-invalid` for anything else, and for one that would cost more than the limits to open
 */
export function readEncryptedKey(bytes: Uint8Array): EncryptedKey {
  if (bytes.length > MAX_KEY_FILE) throw invalid('it is too large')
  const file = parsed(bytes)
  if (file.get('_type') !== TYPE) throw invalid('it is no encrypted key of Waxseal')
  if (file.get('version') !== VERSION) throw invalid('it was written by a newer version: use that one')
  const key = readPublicKey(textOf(file, 'keyid'), objectOf(file, 'key'))
  if (key === undefined) throw invalid('its public key is malformed')
  const kdfObject = objectOf(file, 'kdf')
  const cipher = objectOf(file, 'cipher')
  if (kdfObject.get('name') !== KDF || cipher.get('name') !== CIPHER) throw invalid('its algorithms are unknown')
  const lanes = numberOf(kdfObject, 'lanes', 1, MAX_KDF_LANES)
  const kdf = {
    memory: numberOf(kdfObject, 'memory', MIN_KDF_MEMORY_KIB * lanes, MAX_KDF_MEMORY_KIB),
    passes: numberOf(kdfObject, 'passes', 1, MAX_KDF_PASSES),
    lanes,
    salt: bytesOf(kdfObject, 'salt', SALT_LENGTH),
  }
  const nonce = bytesOf(cipher, 'nonce', NONCE_LENGTH)
  const ciphertext = bytesOf(file, 'ciphertext')
  if (ciphertext.length <= TAG_LENGTH) throw invalid('it is cut off')
  const bound = new Map<string, JsonValue>(file)
  bound.delete('ciphertext')
  return { key, kdf, nonce, ciphertext, bound: Buffer.from(canonicalJson(bound)) }
}

/** @throws TrustError `passphrase-wrong`, also when the file was changed: the two look alike; `key-invalid` */
export async function decryptKey(encrypted: EncryptedKey, passphrase: string): Promise<KeyObject> {
  const secret = await secretOf(passphrase.slice(0, MAX_PASSPHRASE), encrypted.kdf)
  const decipher = createDecipheriv(CIPHER, secret, encrypted.nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(encrypted.bound)
  decipher.setAuthTag(encrypted.ciphertext.subarray(-TAG_LENGTH))
  let pkcs8: Buffer
  try {
    pkcs8 = Buffer.concat([decipher.update(encrypted.ciphertext.subarray(0, -TAG_LENGTH)), decipher.final()])
  } catch (cause) {
    const message = `The passphrase does not open the key ${encrypted.key.keyid}: it is another one, or the file was changed.`
    throw new TrustError('passphrase-wrong', message, { cause })
  }
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  if (publicKeyOf(createPublicKey(privateKey)).fingerprint !== encrypted.key.fingerprint) {
    throw invalid('its private key is not that of its public key')
  }
  return privateKey
}

function headerOf(key: PublicKey, kdf: EncryptedKey['kdf'], nonce: Uint8Array): { readonly [name: string]: Encodable } {
  const { memory, passes, lanes, salt } = kdf
  return {
    _type: TYPE,
    version: VERSION,
    keyid: key.keyid,
    key: keyDocument(key),
    kdf: { name: KDF, memory, passes, lanes, salt: Buffer.from(salt).toString('base64') },
    cipher: { name: CIPHER, nonce: Buffer.from(nonce).toString('base64') },
  }
}

async function secretOf(passphrase: string, { memory, passes, lanes, salt }: EncryptedKey['kdf']): Promise<Uint8Array> {
  const message = Buffer.from(normalPassphrase(passphrase))
  return derive(KDF, { message, nonce: salt, memory, passes, parallelism: lanes, tagLength: SECRET_LENGTH })
}

function parsed(bytes: Uint8Array): JsonObject {
  try {
    const { value } = parseJson(bytes)
    if (isJsonObject(value)) return value
  } catch (cause) {
    throw invalid('it is no JSON', cause)
  }
  throw invalid('it is no JSON object')
}

function objectOf(object: JsonObject, name: string): JsonObject {
  const value = object.get(name)
  if (!isJsonObject(value)) throw invalid(`${name} is missing`)
  return value
}

function textOf(object: JsonObject, name: string): string {
  const value = object.get(name)
  if (typeof value !== 'string') throw invalid(`${name} is missing`)
  return value
}

function numberOf(object: JsonObject, name: string, least: number, most: number): number {
  const value = object.get(name)
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw invalid(`${name} is no number from ${least} to ${most}`)
}

function bytesOf(object: JsonObject, name: string, length?: number): Uint8Array {
  const text = textOf(object, name)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw invalid(`${name} is no base64`)
  if (length !== undefined && bytes.length !== length) throw invalid(`${name} has not ${length} bytes`)
  return bytes
}

function invalid(reason: string, cause?: unknown): TrustError {
  const message = `The key file cannot be read: ${reason}. Take your copy of it.`
  return new TrustError('key-invalid', message, cause === undefined ? undefined : { cause })
}
