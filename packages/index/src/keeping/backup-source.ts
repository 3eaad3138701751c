import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { isMissing } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { BLOB_COPIES, BLOB_COPY_BATCH, MAX_MANIFEST_SIZE } from '../limits.ts'
import { backupPath, isBackupFolder, listBackups, poolPath } from './backup-folder.ts'
import type { ListedBlob, Manifest, ManifestPart } from './backup-format.ts'
import { BLOB_LIST, blobMember, MANIFEST, MANIFEST_SUM, parseListedBlob } from './backup-format.ts'
import { concurrently } from './concurrently.ts'
import { readLines } from './line-file.ts'
import { checkManifest, readManifest } from './read-manifest.ts'
import type { TarMember } from './tar-file.ts'
import { readTarFile } from './tar-file.ts'

/** What is met on the way through a backup, nothing of it checked yet. */
export interface BackupVisitor {
  /** `bytes` is undefined when the part is not there. */
  part(part: ManifestPart, bytes: AsyncIterable<Uint8Array> | undefined): Promise<void>
  /** A blob of the list; several at once where the backup is a folder. `bytes` as above. */
  blob(listed: ListedBlob, bytes: AsyncIterable<Uint8Array> | undefined): Promise<void>
}

/** One backup, whatever form it has. */
export interface BackupSource {
  readonly path: string
  readonly manifest: Manifest
  /** Goes through all of it once: the list of blobs, the blobs, the other parts. Memory stays flat. */
  walk(visitor: BackupVisitor): Promise<void>
}

/**
 * Opens the backup `id` (the newest when undefined) of a folder of backups, or the one of a tar file.
 *
 * @throws IndexError `not-found` when there is none; `backup-damaged`, `config-invalid` as its manifest may be
 */
export async function openBackup(path: string, id?: string): Promise<BackupSource> {
  const stats = await statOf(path)
  if (stats.isFile()) return await openTar(path, id)
  const names = await readdir(path)
  if (!isBackupFolder(names)) {
    if (names.includes(MANIFEST)) {
      throw new IndexError(
        'not-found',
        `${path} is one backup of a folder; name that folder, and this one with --backup.`,
      )
    }
    throw new IndexError('not-found', `${path} holds no backups.`)
  }
  const chosen = id ?? (await listBackups(path)).whole.at(-1)?.id
  if (chosen === undefined) throw new IndexError('not-found', `${path} holds no complete backup.`)
  if (!(await readdir(join(path, 'backups'))).includes(chosen)) {
    throw new IndexError('not-found', `${path} has no backup ${chosen}; list them with "waxseal backup list".`)
  }
  const folder = backupPath(path, chosen)
  const manifest = await readManifest(join(folder, MANIFEST))
  return { path: folder, manifest, walk: (visitor) => walkFolder(folder, poolPath(path), manifest, visitor) }
}

/** Every backup at `path`: those of the folder, or the one of the tar file. */
export async function backupsAt(path: string): Promise<Awaited<ReturnType<typeof listBackups>>> {
  if ((await statOf(path)).isFile()) return { whole: [(await openTar(path, undefined)).manifest], damaged: [] }
  if (isBackupFolder(await readdir(path))) return await listBackups(path)
  throw new IndexError('not-found', `${path} holds no backups.`)
}

async function statOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) throw new IndexError('not-found', `There is no ${path}.`, { cause: error })
    throw error
  }
}

async function walkFolder(folder: string, pool: string, manifest: Manifest, visitor: BackupVisitor): Promise<void> {
  const [list, rest] = listAndRest(manifest)
  const part = async (part: ManifestPart): Promise<void> => {
    const path = join(folder, part.name)
    const there = await stat(path).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    await visitor.part(part, there === undefined ? undefined : createReadStream(path))
  }
  await part(list)
  const [walked] = await Promise.allSettled([walkPool(join(folder, BLOB_LIST), pool, visitor)])
  // Where the list is damaged the other parts can still be looked at.
  for (const other of rest) await part(other)
  if (walked.status === 'rejected') throw walked.reason
}

async function walkPool(list: string, pool: string, visitor: BackupVisitor): Promise<void> {
  const blobs = await openDirectoryBlobStore(pool)
  const visits = concurrently(
    listedIn(createReadStream(list)),
    { at: BLOB_COPIES, batch: BLOB_COPY_BATCH },
    async (listed) => visitor.blob(listed, 'size' in listed ? (await blobs.get(listed.sha256))?.stream() : undefined),
  )
  while (!(await visits.next()).done);
}

async function openTar(path: string, id: string | undefined): Promise<BackupSource> {
  const members = readTarFile(path)
  try {
    const bytes = await whole(await expected(members, MANIFEST))
    const manifest = checkManifest(bytes, await whole(await expected(members, MANIFEST_SUM)))
    if (id !== undefined && id !== manifest.id)
      throw new IndexError('not-found', `${path} is the backup ${manifest.id}.`)
    return { path, manifest, walk: (visitor) => walkTar(path, manifest, visitor) }
  } finally {
    await members.return()
  }
}

async function walkTar(path: string, manifest: Manifest, visitor: BackupVisitor): Promise<void> {
  const members = readTarFile(path)
  // The list stands near the start: it is read beside the blobs instead of being kept.
  const ahead = readTarFile(path)
  try {
    const [list, rest] = listAndRest(manifest)
    for (const reader of [members, ahead]) for (const name of [MANIFEST, MANIFEST_SUM]) await expected(reader, name)
    await visitor.part(list, (await expected(members, list.name)).bytes)
    for await (const listed of listedIn((await expected(ahead, list.name)).bytes)) {
      const member = 'size' in listed ? await expected(members, blobMember(listed.sha256)) : undefined
      await visitor.blob(listed, member?.bytes)
    }
    for (const part of rest) await visitor.part(part, (await expected(members, part.name)).bytes)
  } finally {
    await members.return()
    await ahead.return()
  }
}

async function expected(members: AsyncGenerator<TarMember, void, undefined>, name: string): Promise<TarMember> {
  const { value } = await members.next()
  if (value?.name === name) return value
  const found = value === undefined ? 'the end' : value.name
  throw new IndexError('backup-damaged', `The file should go on with ${name}, and goes on with ${found}.`)
}

async function whole({ size, bytes }: TarMember): Promise<Buffer> {
  if (size > MAX_MANIFEST_SIZE) throw new IndexError('backup-damaged', `${MANIFEST} is too long.`)
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function* listedIn(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ListedBlob, void, undefined> {
  for await (const line of readLines(bytes)) yield parseListedBlob(line)
}

function listAndRest({ parts }: Manifest): readonly [ManifestPart, readonly ManifestPart[]] {
  const [list, ...rest] = parts
  if (list?.name === BLOB_LIST) return [list, rest]
  throw new IndexError('backup-damaged', `${MANIFEST} does not begin with the list of blobs.`)
}
