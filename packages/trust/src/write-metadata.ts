import { canonicalJson, EncodedJson, wireJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import { compareCodePoints } from './code-points.ts'
import type { Signature } from './metadata.ts'
import type { Signer } from './signer.ts'

/** The specification that what we write follows. */
export const SPEC_VERSION = '1.0.34'

/** A role's signed part, with its members in any order: plain data, or as it was read. */
export type SignedDocument = ReadonlyMap<string, Encodable> | { readonly [name: string]: Encodable | undefined }

/** The bytes that signatures of `document` are over. */
export function signedBytesOf(document: SignedDocument): Uint8Array {
  return Buffer.from(canonicalJson(document))
}

/** Signs a role's document with each of `signers`; the file as it is stored and sent. */
export async function writeMetadata(document: SignedDocument, signers: readonly Signer[]): Promise<Uint8Array> {
  const bytes = signedBytesOf(document)
  const signatures = await Promise.all(
    signers.map(async (signer) => ({ keyid: signer.key.keyid, signature: await signer.sign(bytes) })),
  )
  return assembleMetadata(document, signatures)
}

/** The file of a document that was signed elsewhere: `{"signatures":[…],"signed":…}`, signatures by key id. */
export function assembleMetadata(document: SignedDocument, signatures: readonly Signature[]): Uint8Array {
  const written = signatures
    .toSorted((a, b) => compareCodePoints(a.keyid, b.keyid))
    .map(({ keyid, signature }) => ({ keyid, sig: Buffer.from(signature).toString('hex') }))
  return Buffer.from(wireJson({ signatures: written, signed: new EncodedJson(wireJson(document)) }))
}
