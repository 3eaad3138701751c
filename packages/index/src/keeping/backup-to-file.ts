import { createReadStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolders } from '../blobs/make-folders.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { isMissing, syncFolder } from '../blobs/durable.ts'
import { onePiece } from '../blobs/one-piece.ts'
import { IndexError } from '../error.ts'
import { BLOB_COPIES, BLOB_COPY_BATCH, NAMED_FILES } from '../limits.ts'
import type { BackupParts, BackupTarget, MissingBlob, WrittenBackup } from './backup.ts'
import type { ListedBlob, Manifest } from './backup-format.ts'
import { BLOB_LIST, blobMember, listedBlobLine, parseListedBlob } from './backup-format.ts'
import { composeManifest, onBackupDisk, orRemove, stageConfig } from './compose-manifest.ts'
import { concurrently } from './concurrently.ts'
import { readLines, writeLines } from './line-file.ts'
import { findBlob, lossOfBlob } from './pool-blobs.ts'
import { manifestFiles } from './read-manifest.ts'
import { stageRows } from './stage-rows.ts'
import type { TarMember } from './tar-file.ts'
import { writeTarFile } from './tar-file.ts'

/**
 * A backup as the one tar file `target.path`, which is there when all of it is durable. Every blob is read twice: what a
 * tar file says first of a member is its size, and of a backup, what it lacks.
 */
export async function backupToFile(
  parts: BackupParts,
  target: BackupTarget & { readonly index: string },
  held: AbortSignal,
): Promise<WrittenBackup> {
  const { path } = target
  return await onBackupDisk(path, async () => {
    await refuseExisting(path)
    const place = `${path}.unfinished`
    await rm(place, { recursive: true, force: true })
    makeFolders(place, 0o700)
    return await orRemove(place, () => putTogether(parts, target, held, place))
  })
}

async function putTogether(
  parts: BackupParts,
  { path, index }: BackupTarget & { readonly index: string },
  held: AbortSignal,
  place: string,
): Promise<WrittenBackup> {
  const rows = await stageRows(parts.store, parts.clock, place)
  const blobs = { count: 0, bytes: 0, missing: 0 }
  const missing: MissingBlob[] = []
  const onBlob = (done: number, what: string): void => {
    held.throwIfAborted()
    parts.onProgress?.(done, rows.references, what)
  }
  const looked = concurrently(rows.blobs(), { at: BLOB_COPIES, batch: BLOB_COPY_BATCH }, async (reference) => {
    const blob = await lookAt(parts.blobs, reference.sha256)
    return 'missing' in blob && blob.missing === 'absent' && reference.required === 0 ? undefined : blob
  })
  async function* lines(): AsyncGenerator {
    let done = 0
    for await (const blob of looked) {
      onBlob((done += 1), 'blobs checked')
      if (blob === undefined) continue
      if ('size' in blob) {
        blobs.count += 1
        blobs.bytes += blob.size
      } else {
        blobs.missing += 1
        if (missing.length < NAMED_FILES) missing.push({ sha256: blob.sha256, reason: blob.missing })
      }
      yield listedBlobLine(blob)
    }
  }
  const { lines: listed, ...list } = await writeLines(join(place, BLOB_LIST), lines())
  await rows.forgetBlobs()
  const config = await stageConfig(parts.config, place)
  const manifest = composeManifest(parts, index, rows, {
    parts: [{ name: BLOB_LIST, ...list, rows: listed }, ...rows.parts, ...config],
    blobs,
  })
  const file = join(place, 'backup.tar')
  const members = membersOf(parts.blobs, manifest, place, (done) => onBlob(done, 'blobs'))
  await writeTarFile(file, new Date(manifest.at), members)
  held.throwIfAborted()
  await refuseExisting(path)
  await rename(file, path)
  await syncFolder(dirname(path))
  await rm(place, { recursive: true })
  const { count, bytes } = blobs
  return { manifest, path, copied: { count, bytes }, missing }
}

async function refuseExisting(path: string): Promise<void> {
  try {
    await stat(path)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  throw new IndexError('conflict', `${path} is there already; name a file that is not.`)
}

async function lookAt(blobs: BlobStore, sha256: string): Promise<ListedBlob> {
  const blob = await findBlob(blobs, sha256)
  if (typeof blob === 'string') return { sha256, missing: blob }
  const missing = await lossOfBlob(blob, sha256)
  return missing === undefined ? { sha256, size: blob.size } : { sha256, missing }
}

/** In the order in which a reader needs them: it goes through the file once. */
async function* membersOf(
  blobs: BlobStore,
  manifest: Manifest,
  place: string,
  onBlob: (done: number) => void,
): AsyncGenerator<TarMember> {
  for (const [name, bytes] of manifestFiles(manifest)) yield { name, size: bytes.length, bytes: onePiece(bytes) }
  const [list, ...rest] = manifest.parts.map(({ name, size }) => ({ name, size, path: join(place, name) }))
  if (list === undefined) return
  yield { ...list, bytes: createReadStream(list.path) }
  let done = 0
  for await (const line of readLines(createReadStream(list.path))) {
    const listed = parseListedBlob(line)
    if (!('size' in listed)) continue
    onBlob((done += 1))
    const blob = await blobs.get(listed.sha256)
    if (blob === undefined) throw new IndexError('blob-missing', `The blob ${listed.sha256} vanished; back up again.`)
    yield { name: blobMember(listed.sha256), size: listed.size, bytes: blob.stream() }
  }
  for (const part of rest) yield { ...part, bytes: createReadStream(part.path) }
}
