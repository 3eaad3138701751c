import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { isMissing } from '../blobs/durable.ts'
import { walkBlobFolder } from '../blobs/walk-blob-folder.ts'
import { IndexError } from '../error.ts'
import { BLOB_READ_CHUNK, DOCTOR_BLOBS, DOCTOR_HASHING } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Findings } from './doctor-findings.ts'
import { referencedBlobs } from './referenced-blobs.ts'
import { SortedRows } from './sorted-rows.ts'

/** What is wrong with one blob. */
export interface BlobTrouble {
  readonly sha256: string
  readonly code: 'blob-missing' | 'blob-damaged' | 'blob-unreadable'
}

export interface BlobsSeen {
  readonly blobs: number
  readonly bytes: number
  readonly references: number
  /** At most `DOCTOR_BLOBS`; `more` says how many others there are. */
  readonly troubles: readonly BlobTrouble[]
  readonly more: number
}

export interface BlobsParts {
  /** Undefined: its rows cannot be believed, the blobs are only hashed. */
  readonly store: Store | undefined
  readonly blobs: DirectoryBlobStore
  readonly folder: string
}

/**
 * Holds every reference against what is there, then hashes every blob, in one pass over the disk, a few at a time, with
 * memory that depends on trouble alone. What is stored, or deleted, meanwhile is no finding.
 */
export async function examineBlobs(
  { store, blobs, folder }: BlobsParts,
  findings: Findings,
  progress?: (done: number, total: number) => void,
): Promise<BlobsSeen> {
  const troubles = new Map<string, BlobTrouble>()
  let more = 0
  const note = (trouble: BlobTrouble): void => {
    if (troubles.has(trouble.sha256)) return
    if (troubles.size < DOCTOR_BLOBS) troubles.set(trouble.sha256, trouble)
    else more += 1
  }
  const held = store === undefined ? await measure(blobs) : await holdReferences(store, blobs, note)
  let done = 0
  const work = walkBlobFolder(folder)[Symbol.asyncIterator]()
  const hashSome = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(BLOB_READ_CHUNK)
    for (;;) {
      const { done: over, value: entry } = await work.next()
      if (over === true) return
      if (entry.kind === 'stray') findings.add('stray-file', entry.path)
      if (entry.kind === 'unreadable') findings.add('blob-unreadable', entry.path)
      if (entry.kind !== 'blob') continue
      const found = await hashFile(entry.path, buffer, (bytes) =>
        progress?.((done += bytes), Math.max(done, held.bytes)),
      )
      if (found === 'gone' || found === entry.sha256) continue
      note({ sha256: entry.sha256, code: found === 'unreadable' ? 'blob-unreadable' : 'blob-damaged' })
    }
  }
  await Promise.all(Array.from({ length: DOCTOR_HASHING }, hashSome))
  return { ...held, troubles: [...troubles.values()], more }
}

async function measure(blobs: DirectoryBlobStore) {
  let count = 0
  let bytes = 0
  for await (const { size } of blobs.list()) {
    count += 1
    bytes += size
  }
  return { blobs: count, bytes, references: 0 }
}

/** The state of the rows is older than that of the folder: what it speaks of has to be there. */
async function holdReferences(store: Store, blobs: DirectoryBlobStore, note: (trouble: BlobTrouble) => void) {
  let count = 0
  let bytes = 0
  let references = 0
  await store.consistently(async (snapshot) => {
    const listed = new SortedRows(blobs.list())
    const skip = async (blob: { readonly size: number }): Promise<void> => see(blob)
    const see = ({ size }: { readonly size: number }): void => {
      count += 1
      bytes += size
    }
    for await (const { sha256, required, size } of referencedBlobs(store.kind, snapshot)) {
      references += 1
      const blob = await listed.upTo(sha256, skip)
      if (blob !== undefined) see(blob)
      const code = blob === undefined && required === 1 ? await whyUnlisted(blobs, sha256) : undefined
      if (code !== undefined) note({ sha256, code })
      if (blob !== undefined && size !== null && blob.size !== size) note({ sha256, code: 'blob-damaged' })
    }
    for await (const blob of listed.rest()) see(blob)
  })
  return { blobs: count, bytes, references }
}

/** What is wrong with a blob that its folder does not list; undefined: it is there all the same. */
async function whyUnlisted(blobs: DirectoryBlobStore, sha256: string): Promise<BlobTrouble['code'] | undefined> {
  try {
    return (await blobs.head(sha256)) === undefined ? 'blob-missing' : undefined
  } catch (error) {
    if (error instanceof IndexError && error.code === 'storage-failed') return 'blob-unreadable'
    throw error
  }
}

/** The sha256 of a file's bytes, read through `buffer`: a fresh one for each piece would be hundreds of megabytes. */
async function hashFile(path: string, buffer: Buffer, read: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256')
  try {
    await using handle = await open(path)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      read(bytesRead)
    }
  } catch (error) {
    return isMissing(error) ? 'gone' : 'unreadable'
  }
}
