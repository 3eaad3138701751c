import { createHash } from 'node:crypto'
import { IndexError } from '../error.ts'
import { NAMED_FILES } from '../limits.ts'
import type { ListedBlob, MissingReason, OnProgress } from './backup-format.ts'
import type { BackupSource } from './backup-source.ts'
import { lossOf } from './pool-blobs.ts'
import { readPart } from './read-part.ts'
import type { BlobUse } from './referenced-blobs.ts'
import { usesOfRow } from './uses-of-row.ts'

/** A blob that a backup lacks, and what that means. */
export interface LostBlob {
  readonly sha256: string
  readonly reason: MissingReason
  /** True: the index lacked it already when it was backed up. False: the backup had it, and has it no more. */
  readonly before: boolean
  /** The files and pages that it belongs to, `NAMED_FILES` at most. */
  readonly uses: BlobUse[]
}

/** What a way through a backup found. */
export interface BackupCheck {
  /** Parts that are not what the manifest says: with one of them nothing can be restored. */
  readonly damagedParts: readonly { readonly name: string; readonly reason: string }[]
  /** The first `NAMED_FILES` of `lostCount`. */
  readonly lost: readonly LostBlob[]
  readonly lostCount: number
  readonly blobs: { readonly count: number; readonly bytes: number }
  /** Rows by table. */
  readonly rows: ReadonlyMap<string, number>
}

export interface CheckOptions {
  /** Where the parts go as files while they are checked. */
  readonly stageTo?: string
  /** Takes a blob, and throws as `BlobStore.put` does when it is not what its name says. By default it is hashed. */
  readonly takeBlob?: (sha256: string, bytes: AsyncIterable<Uint8Array>) => Promise<unknown>
  readonly onProgress?: OnProgress
}

/** Reads all of a backup and holds it against its manifest: every part and every blob is hashed. */
export async function checkBackup(source: BackupSource, options: CheckOptions = {}): Promise<BackupCheck> {
  const { takeBlob = checkDigest, stageTo, onProgress } = options
  const { manifest } = source
  const damagedParts: { readonly name: string; readonly reason: string }[] = []
  const lost = new Map<string, LostBlob>()
  const rows = new Map<string, number>()
  const blobs = { count: 0, bytes: 0 }
  let lostCount = 0
  let visited = 0
  const total = manifest.blobs.count + manifest.blobs.missing
  const lose = (sha256: string, reason: MissingReason, before: boolean): void => {
    lostCount += 1
    if (lost.size < NAMED_FILES) lost.set(sha256, { sha256, reason, before, uses: [] })
  }
  const damaged = (name: string, error: unknown): void => {
    if (!(error instanceof IndexError) || error.code !== 'backup-damaged') throw error
    damagedParts.push({ name, reason: error.message })
  }
  const walked = source.walk({
    async part(part, bytes) {
      try {
        const name = part.name.slice(0, part.name.indexOf('.'))
        await readPart(part, bytes, stageTo, async (table) => {
          let count = 0
          const uses = usesOfRow(name, table.columns)
          for await (const row of table.rows) {
            count += 1
            if (lost.size > 0) uses(row, (sha256, use) => noteUse(lost.get(sha256), use))
          }
          rows.set(name, count)
        })
      } catch (error) {
        damaged(part.name, error)
      }
    },
    async blob(listed: ListedBlob, bytes) {
      onProgress?.((visited += 1), total, 'blobs')
      if ('missing' in listed) return lose(listed.sha256, listed.missing, true)
      if (bytes === undefined) return lose(listed.sha256, 'absent', false)
      try {
        await takeBlob(listed.sha256, bytes)
        blobs.count += 1
        blobs.bytes += listed.size
      } catch (error) {
        lose(listed.sha256, lossOf(error), false)
      }
    },
  })
  await walked.catch((error: unknown) => {
    // What is said of the list already need not be said twice.
    if (damagedParts.length === 0) damaged(source.path, error)
  })
  return { damagedParts, lost: [...lost.values()], lostCount, blobs, rows }
}

function noteUse(lost: LostBlob | undefined, use: BlobUse): void {
  if (lost !== undefined && lost.uses.length < NAMED_FILES) lost.uses.push(use)
}

async function checkDigest(sha256: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  if (hash.digest('hex') !== sha256) throw new IndexError('digest-mismatch', `The blob ${sha256} holds other bytes.`)
}
