import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TrustError } from '../error.ts'
import { keySigner } from '../key-signer.ts'
import { MAX_KEY_FILE } from '../limits.ts'
import { publicKeyOf } from '../public-key.ts'
import type { PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { writeNew, writeWhole } from '../durable.ts'
import { decryptKey, encryptKey, readEncryptedKey } from './encrypted-key.ts'
import type { EncryptedKey, KdfCost } from './encrypted-key.ts'
import { readSmallFile } from './read-file.ts'

/** Asks for the passphrase of a key: on a terminal, from a file. Called only for a file that has one. */
export type AskPassphrase = (key: PublicKey) => Promise<string> | string

/** Permission bits of anybody but the owner. */
const OTHERS = 0o077
const KEY_FILE = { mode: 0o600, giveToFolderOwner: true }

/**
 * Writes `privateKey` to a new file, under `passphrase`; without one in clear, as PKCS#8 in PEM: for keys that a server must
 * have at its start.
 * @throws TrustError `signer-failed` when there is a file already, or none can be written; `passphrase-wrong` for a short one
 */
export async function createKeyFile(
  path: string,
  privateKey: KeyObject,
  passphrase?: string,
  cost?: KdfCost,
): Promise<void> {
  const bytes =
    passphrase === undefined
      ? Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
      : await encryptKey(privateKey, passphrase, cost === undefined ? {} : { cost })
  if (await onDisk(path, () => writeNew(path, bytes, KEY_FILE))) return
  throw new TrustError(
    'signer-failed',
    `${path} is there already, and may be the only copy of a key: name another file.`,
  )
}

/**
 * A signer with the key of a file: encrypted by `createKeyFile`, or PKCS#8 in PEM that nobody else may read.
 * @throws TrustError `passphrase-wrong`, `key-invalid`, or `signer-failed` with what to do
 */
export async function openKeyFile(path: string, askPassphrase?: AskPassphrase): Promise<Signer> {
  const { bytes, mode } = await readSmallFile(path, MAX_KEY_FILE, 'The key file')
  if (!isEncrypted(bytes)) return keySigner(readPem(path, bytes, mode))
  const encrypted = encryptedKeyIn(path, bytes)
  if (askPassphrase === undefined) {
    throw new TrustError('signer-failed', `The key file ${path} is encrypted: say where its passphrase is.`)
  }
  return keySigner(await decryptKey(encrypted, await askPassphrase(encrypted.key)))
}

/**
 * Whose key a file holds: of an encrypted one without its passphrase, of one in clear whoever may read it.
 * @throws TrustError `key-invalid`, `signer-failed`
 */
export async function recogniseKeyFile(path: string): Promise<PublicKey> {
  const { bytes } = await readSmallFile(path, MAX_KEY_FILE, 'The key file')
  if (isEncrypted(bytes)) return encryptedKeyIn(path, bytes).key
  return publicKeyOf(createPublicKey(readPrivateKey(Buffer.from(bytes).toString('latin1'), `The key file ${path}`)))
}

/**
 * Puts the same key under another passphrase, in the same file: the old one stays until the new one is whole. Copies made
 * before keep the old passphrase.
 * @throws TrustError `passphrase-wrong`, `key-invalid`, `signer-failed`
 */
export async function changePassphrase(path: string, before: string, after: string, cost?: KdfCost): Promise<void> {
  const { bytes } = await readSmallFile(path, MAX_KEY_FILE, 'The key file')
  const privateKey = await decryptKey(encryptedKeyIn(path, bytes), before)
  const next = await encryptKey(privateKey, after, cost === undefined ? {} : { cost })
  await onDisk(path, () => writeWhole(path, next, KEY_FILE))
}

/** Reads a private key in PEM. @throws TrustError `key-invalid`, whose message holds nothing of the text */
export function readPrivateKey(text: string, where: string): KeyObject {
  if (text.includes('ENCRYPTED')) {
    const message = `${where} is an encrypted PEM, which Waxseal does not read. Decrypt it: openssl pkey -in OLD -out NEW`
    throw new TrustError('key-invalid', message)
  }
  try {
    return createPrivateKey(text)
  } catch (cause) {
    const message = `${where} is no private key in PEM (-----BEGIN PRIVATE KEY-----). Make one: openssl genpkey -algorithm ed25519`
    throw new TrustError('key-invalid', message, { cause })
  }
}

function readPem(path: string, bytes: Uint8Array, mode: number): KeyObject {
  // Windows has no such bits: what Node shows there are made up.
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    const shown = (mode & 0o777).toString(8)
    const message = `The key file ${path} may be read by others (mode ${shown}). Run: chmod 600 ${path}`
    throw new TrustError('signer-failed', message)
  }
  return readPrivateKey(Buffer.from(bytes).toString('latin1'), `The key file ${path}`)
}

/** Whoever has several is told which of them it is. */
function encryptedKeyIn(path: string, bytes: Uint8Array): EncryptedKey {
  try {
    return readEncryptedKey(bytes)
  } catch (error) {
    throw error instanceof TrustError
      ? new TrustError(error.code, `${path}: ${error.message}`, { cause: error })
      : error
  }
}

/** Encrypted ones are JSON objects. */
function isEncrypted(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString('latin1').trimStart().startsWith('{')
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    const message = `The key file ${path} could not be written (${reason}). Check that its folder is there and may be written to.`
    throw new TrustError('signer-failed', message, { cause })
  }
}
