import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { isMissing, isSystemError } from '../blobs/durable.ts'
import { sweepParts } from '../blobs/leftovers.ts'
import { IndexError } from '../error.ts'
import { DISK_LOW_BYTES } from '../limits.ts'
import type { Findings } from './doctor-findings.ts'

/** Looks at what the data folder is: who may write it, who owns it, what was left in it, how much space there is. */
export async function examineFolders(dataDir: string, blobs: DirectoryBlobStore, findings: Findings): Promise<void> {
  const owner = (await stat(dataDir)).uid
  const places = [dataDir, ...(await below(dataDir)), ...(await below(join(dataDir, 'blobs')))]
  for (const path of places) {
    const stats = await present(() => stat(path))
    if (stats === undefined) continue
    const mode = constants.W_OK | constants.R_OK | (stats.isDirectory() ? constants.X_OK : 0)
    if (!(await allowed(path, mode))) findings.add('not-writable', path)
    if (stats.uid !== owner) findings.add('foreign-owner', `${path} (user ${stats.uid}, the data folder ${owner})`)
    const database = /waxseal\.db(?:-wal|-shm)?$/.test(path)
    if (database && (stats.mode & 0o077) !== 0) findings.add('database-open', path)
  }
  const spooled = await present(() => sweepParts(join(dataDir, 'spool'), { dryRun: true }))
  const stored = await present(() => blobs.sweepLeftovers({ dryRun: true }))
  const files = (spooled?.files ?? 0) + (stored?.files ?? 0)
  if (files > 0) findings.add('leftovers', `${files} files, ${(spooled?.bytes ?? 0) + (stored?.bytes ?? 0)} bytes`)
  const { bavail, bsize } = await statfs(dataDir)
  if (bavail * bsize < DISK_LOW_BYTES) findings.add('disk-nearly-full', `${dataDir}: ${bavail * bsize} bytes are free`)
}

async function below(folder: string): Promise<readonly string[]> {
  const names = (await present(() => readdir(folder))) ?? []
  return names.map((name) => join(folder, name))
}

async function allowed(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode)
    return true
  } catch (error) {
    if (isMissing(error)) return true
    if (isSystemError(error)) return false
    throw error
  }
}

/** What `look` gives; undefined when what it looks at is gone, or may not be looked at: that is told elsewhere. */
async function present<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    const own = error instanceof IndexError ? error.cause : error
    if (isMissing(own) || (isSystemError(own) && (own.code === 'EACCES' || own.code === 'ENOTDIR'))) return undefined
    throw error
  }
}
