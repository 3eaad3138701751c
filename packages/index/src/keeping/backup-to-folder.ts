import { join } from 'node:path'
import { writeWhole } from '../blobs/durable.ts'
import { NAMED_FILES } from '../limits.ts'
import type { BackupParts, BackupTarget, MissingBlob, WrittenBackup } from './backup.ts'
import { BLOB_LIST, listedBlobLine } from './backup-format.ts'
import type { BackupFolder } from './backup-folder.ts'
import { openBackupFolder } from './backup-folder.ts'
import { composeManifest, onBackupDisk, orRemove, stageConfig } from './compose-manifest.ts'
import { writeLines } from './line-file.ts'
import { poolBlobs } from './pool-blobs.ts'
import { manifestFiles } from './read-manifest.ts'
import { stageRows } from './stage-rows.ts'

/**
 * A backup in the folder `target.path`, which shares its blobs with those before it. It gets its name when all of it is
 * durable; cut off at any moment it is not there, and the ones before it are whole.
 */
export async function backupToFolder(
  parts: BackupParts,
  target: BackupTarget & { readonly index: string },
  held: AbortSignal,
): Promise<WrittenBackup> {
  return await onBackupDisk(target.path, async () => {
    const folder = await openBackupFolder(target.path, target.index)
    const place = await folder.begin()
    return await orRemove(place, () => putTogether(parts, target, held, folder, place))
  })
}

async function putTogether(
  parts: BackupParts,
  target: BackupTarget & { readonly index: string },
  held: AbortSignal,
  folder: BackupFolder,
  place: string,
): Promise<WrittenBackup> {
  const rows = await stageRows(parts.store, parts.clock, place)
  const copied = { count: 0, bytes: 0 }
  const kept = { count: 0, bytes: 0, missing: 0 }
  const missing: MissingBlob[] = []
  async function* lines(): AsyncGenerator {
    let done = 0
    const source = { blobs: parts.blobs, pool: folder.pool, sync: folder.interrupted }
    for await (const pooled of poolBlobs(source, rows.blobs())) {
      held.throwIfAborted()
      parts.onProgress?.((done += 1), rows.references, 'blobs')
      if (pooled.kind === 'nothing') continue
      if (pooled.kind === 'missing') {
        kept.missing += 1
        const { sha256, missing: reason } = pooled.blob
        if (missing.length < NAMED_FILES) missing.push({ sha256, reason })
      } else {
        kept.count += 1
        kept.bytes += pooled.blob.size
        if (pooled.kind === 'copied') copied.count += 1
        if (pooled.kind === 'copied') copied.bytes += pooled.blob.size
      }
      yield listedBlobLine(pooled.blob)
    }
  }
  const { lines: listed, ...list } = await writeLines(join(place, BLOB_LIST), lines())
  await rows.forgetBlobs()
  const config = await stageConfig(parts.config, place)
  const manifest = composeManifest(parts, target.index, rows, {
    parts: [{ name: BLOB_LIST, ...list, rows: listed }, ...rows.parts, ...config],
    blobs: kept,
  })
  for (const [name, bytes] of manifestFiles(manifest)) await writeWhole(join(place, name), bytes)
  held.throwIfAborted()
  const path = await folder.complete(place, manifest.id)
  return { manifest, path, copied, missing }
}
