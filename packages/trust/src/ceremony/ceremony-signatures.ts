import { hash } from 'node:crypto'
import { wireJson } from '../canonical-json.ts'
import { DocumentReader } from '../document-reader.ts'
import { TrustError } from '../error.ts'
import { MAX_CEREMONY_DOCUMENTS, MAX_ROLE_NAME, MAX_SIGNATURE } from '../limits.ts'
import { parseJson } from '../parse-json.ts'
import type { PublicKey } from '../public-key.ts'
import { isSignedBy } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { signersOf } from '../threshold.ts'
import type { CeremonyDocument, CeremonyRequest } from './ceremony-request.ts'
import { invalid } from './ceremony-invalid.ts'

const FORMAT = 'waxseal-signatures-1'

/** One signature that was made for a request. */
export interface CeremonySignature {
  readonly role: string
  readonly keyid: string
  readonly signature: Uint8Array
}

/**
 * Signs every document of a request that the key may sign; the file to carry back.
 * @throws TrustError `ceremony-invalid` where it may sign none, `signer-failed`
 */
export async function signRequest(request: CeremonyRequest, signer: Signer): Promise<Uint8Array> {
  const signatures: CeremonySignature[] = []
  // Shards without content are the same bytes: a token that takes a second for a signature is not asked 256 times for one.
  const made = new Map<string, Uint8Array>()
  for (const { role, signedBytes, ...document } of request.documents) {
    if (keyFor(document, signer.key.keyid) === undefined) continue
    const content = hash('sha256', signedBytes)
    const signature = made.get(content) ?? (await signer.sign(signedBytes))
    if (!isSignedBy(signer.key, signedBytes, signature)) {
      throw new TrustError('signer-failed', `The key ${signer.key.keyid} made a signature that is not its own.`)
    }
    made.set(content, signature)
    signatures.push({ role, keyid: signer.key.keyid, signature })
  }
  if (signatures.length === 0) throw invalid(`the key ${signer.key.keyid} may sign nothing in this request`)
  return Buffer.from(
    wireJson({
      format: FORMAT,
      request: request.sha256,
      signatures: signatures.map(({ role, keyid, signature }) => ({
        role,
        keyid,
        sig: Buffer.from(signature).toString('hex'),
      })),
    }),
  )
}

/**
 * Adds the signatures of a file to those collected. All of it is taken, or none; what keys that have signed already sign again adds
 * nothing.
 * @throws TrustError `ceremony-invalid` for a file of another request, a key that may not sign, or a signature that is wrong
 */
export function importSignatures(
  request: CeremonyRequest,
  collected: readonly CeremonySignature[],
  bytes: Uint8Array,
): readonly CeremonySignature[] {
  const reader = new DocumentReader(parseJson(bytes).value, 'signatures')
  if (reader.text('format', 64) !== FORMAT) throw invalid('the file holds no signatures of this version')
  if (reader.text('request', 64) !== request.sha256) throw invalid('the signatures were made for another request')
  const all = [...collected]
  const given = reader.list('signatures', MAX_CEREMONY_DOCUMENTS)
  if (given.length === 0) throw invalid('the file holds no signatures')
  for (const value of given) {
    const one = new DocumentReader(value, 'signatures')
    const role = one.text('role', MAX_ROLE_NAME)
    const keyid = one.text('keyid', MAX_SIGNATURE)
    const document = request.documents.find((document) => document.role === role)
    const key = document && keyFor(document, keyid)
    if (document === undefined || key === undefined) throw invalid(`a signature is by a key that may not sign`)
    const earlier = all
      .filter((other) => other.role === role)
      .map((other) => keyFor(document, other.keyid)?.fingerprint)
    const signature = Buffer.from(one.text('sig', MAX_SIGNATURE), 'hex')
    if (!isSignedBy(key, document.signedBytes, signature)) throw invalid(`a signature of ${role} is wrong`)
    if (!earlier.includes(key.fingerprint)) all.push({ role, keyid, signature })
  }
  return all
}

/** What is still missing for one group of keys. */
export interface CeremonyProgress {
  readonly role: string
  /** `root, by its old keys`. */
  readonly words: string
  readonly threshold: number
  readonly signed: readonly PublicKey[]
  /** Keys that may still sign. */
  readonly open: readonly string[]
}

/** How far a ceremony has come, for each document and each group of keys that it needs. */
export function ceremonyProgress(
  { documents }: CeremonyRequest,
  collected: readonly CeremonySignature[],
): readonly CeremonyProgress[] {
  return documents.flatMap(({ role, signedBytes, groups }) =>
    groups.map(({ words, trust }) => {
      const signatures = collected.filter((one) => one.role === role)
      const signed = signersOf({ signatures, signedBytes }, trust)
      const open = trust.keyids.filter((keyid) => !signed.some((key) => key.keyid === keyid))
      return { role, words, threshold: trust.threshold, signed, open }
    }),
  )
}

function keyFor({ groups }: Pick<CeremonyDocument, 'groups'>, keyid: string): PublicKey | undefined {
  for (const { trust } of groups) {
    const key = trust.keyids.includes(keyid) ? trust.keys.get(keyid) : undefined
    if (key !== undefined) return key
  }
  return undefined
}
