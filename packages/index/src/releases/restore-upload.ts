import { createHash } from 'node:crypto'
import type { BlobStore, SpooledFile } from '../blobs/blob-store.ts'

/** What the index says it keeps of an uploaded file: digests, null for a part it never had. */
export interface KeptParts {
  readonly metadata: string | null
  readonly attestations: string | null
}

/** The same file as it came once more; `metadata` and `attestations` are only asked for when theirs are lost. */
export interface RepeatedUpload {
  readonly content: SpooledFile
  readonly metadata: () => Promise<Uint8Array | undefined>
  readonly attestations: () => Uint8Array | undefined
}

/**
 * Puts back what the blob store has lost of a file that was uploaded again, so that `identical` never stands for bytes
 * that are not there. Only bytes with the recorded digest are put; nothing else about the file changes.
 */
export async function restoreLostParts(blobs: BlobStore, kept: KeptParts, repeated: RepeatedUpload): Promise<void> {
  await restore(blobs, kept.metadata, repeated.metadata)
  await restore(blobs, kept.attestations, repeated.attestations)
  // Last: it takes the spooled file away, from which the others are read.
  // Always: the bytes in hand are right, and whether the stored ones are would have to be read first.
  await blobs.put(repeated.content.sha256, repeated.content, { replace: true })
}

async function restore(
  blobs: BlobStore,
  sha256: string | null,
  read: () => Promise<Uint8Array | undefined> | Uint8Array | undefined,
): Promise<void> {
  if (sha256 === null || (await blobs.head(sha256)) !== undefined) return
  const bytes = await read()
  if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== sha256) return
  await blobs.put(sha256, bytes)
}
