import type { Blob, BlobStore } from '../blobs/blob-store.ts'
import { isSystemError } from '../blobs/durable.ts'
import { hashesTo } from '../blobs/hashes-to.ts'
import { IndexError } from '../error.ts'
import { BLOB_COPIES, BLOB_COPY_BATCH } from '../limits.ts'
import type { ListedBlob, MissingReason } from './backup-format.ts'
import { concurrently } from './concurrently.ts'
import type { BlobReference } from './referenced-blobs.ts'

/** What became of one blob that the rows speak of; `nothing`: it may be missing, and is. */
export type PooledBlob =
  | { readonly kind: 'known' | 'copied'; readonly blob: ListedBlob & { readonly size: number } }
  | { readonly kind: 'missing'; readonly blob: ListedBlob & { readonly missing: MissingReason } }
  | { readonly kind: 'nothing' }

/**
 * Copies into `pool` what it has not of `references`, each hashed on its way and durable; in their order. A blob that
 * the pool has in the right size is believed. `sync`: also what is there already is made durable, because whoever
 * copied it may have been cut off before that.
 */
export function poolBlobs(
  { blobs, pool, sync }: { readonly blobs: BlobStore; readonly pool: BlobStore; readonly sync: boolean },
  references: AsyncIterable<BlobReference>,
): AsyncGenerator<PooledBlob, void, undefined> {
  return concurrently(references, { at: BLOB_COPIES, batch: BLOB_COPY_BATCH }, async (reference) => {
    const { sha256 } = reference
    const source = await findBlob(blobs, sha256)
    if (source === 'absent' && reference.required === 0) return { kind: 'nothing' }
    const lost = typeof source === 'string'
    const size = reference.size ?? (lost ? undefined : source.size)
    const known = await pool.head(sha256)
    if (known !== undefined && (size === known.size || (await isWhole(pool, sha256)))) {
      if (sync && !lost) await pool.put(sha256, source.stream())
      return { kind: 'known', blob: { sha256, size: known.size } }
    }
    if (lost) return { kind: 'missing', blob: { sha256, missing: source } }
    try {
      return { kind: 'copied', blob: { sha256, size: (await pool.put(sha256, source.stream(), REPLACING)).size } }
    } catch (error) {
      return { kind: 'missing', blob: { sha256, missing: lossOf(error) } }
    }
  })
}

/** A blob of what is copied from, or why it cannot be had. */
export async function findBlob(blobs: BlobStore, sha256: string): Promise<Blob | MissingReason> {
  try {
    return (await blobs.get(sha256)) ?? 'absent'
  } catch (error) {
    // Where one folder may not be read the blobs of others can be.
    if (error instanceof IndexError && error.code === 'storage-failed') return 'unreadable'
    throw error
  }
}

async function isWhole(blobs: BlobStore, sha256: string): Promise<boolean> {
  const blob = await blobs.get(sha256)
  return blob !== undefined && (await lossOfBlob(blob, sha256)) === undefined
}

/** A copy that is there was found damaged. */
const REPLACING = { replace: true }

/** Why a stored blob cannot be read; what is wrong with the place that it was to go to is thrown on. */
export function lossOf(error: unknown): MissingReason {
  if (error instanceof IndexError && error.code === 'digest-mismatch') return 'damaged'
  if (error instanceof IndexError && error.code === 'blob-missing') return 'absent'
  // The place's own failures come as IndexError `storage-failed`.
  if (isSystemError(error)) return 'unreadable'
  throw error
}

/** What is wrong with a stored blob; undefined: it holds what its name says. */
export async function lossOfBlob(blob: Blob, sha256: string): Promise<MissingReason | undefined> {
  try {
    return (await hashesTo(blob, sha256)) ? undefined : 'damaged'
  } catch (error) {
    return lossOf(error)
  }
}
