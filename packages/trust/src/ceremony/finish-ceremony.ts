import { TrustError } from '../error.ts'
import { readMetadata } from '../read-metadata.ts'
import type { SignedRoleFile } from '../repository/accept-signed.ts'
import { verifyThreshold } from '../threshold.ts'
import { assembleMetadata } from '../write-metadata.ts'
import type { CeremonyDocument, CeremonyRequest } from './ceremony-request.ts'
import type { CeremonySignature } from './ceremony-signatures.ts'

/** What a ceremony has made: for `planPublish`, or for `createRepository` where a repository begins. */
export interface CeremonyResult {
  readonly root: Uint8Array | undefined
  readonly signed: readonly SignedRoleFile[]
}

/**
 * Puts the signatures to their documents. Nothing is given out unless all is signed: a root by the thresholds of the old and of
 * the new keys (specification 5.3.4), every other document by those who delegate to it once all of this is out.
 * @throws TrustError `threshold-not-met`, or `expired` where it took too long
 */
export function finishCeremony(
  { documents }: CeremonyRequest,
  collected: readonly CeremonySignature[],
  now: number,
): CeremonyResult {
  const files = documents.map((document) => ({ document, bytes: finish(document, collected, now) }))
  return {
    root: files.find(({ document }) => document.kind === 'root')?.bytes,
    signed: files.flatMap(({ document, bytes }) => {
      if (document.kind === 'root') return []
      const { role, delegator } = document
      return [delegator === undefined ? { role, bytes } : { role, delegator, bytes }]
    }),
  }
}

function finish(document: CeremonyDocument, collected: readonly CeremonySignature[], now: number): Uint8Array {
  const { role, signed, groups } = document
  if (signed.expires <= now) throw new TrustError('expired', `What was signed of ${role} has expired already.`)
  const bytes = assembleMetadata(
    document.document,
    collected.filter((one) => one.role === role),
  )
  const metadata = readMetadata(document.kind, bytes)
  for (const { words, trust } of groups) verifyThreshold(words, metadata, trust)
  return bytes
}
