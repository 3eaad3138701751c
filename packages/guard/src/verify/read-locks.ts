import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { GuardError } from '../error.ts'
import { isLockName } from '../children/lock-name.ts'
import { isDistributionName, projectOfFile } from './file-name.ts'
import { MAX_FOLDER_FILES, MAX_INCLUDED_FILES, MAX_LOCK_BYTES } from './limits.ts'
import { unreadable } from './lock-document.ts'
import type { LockEntry, LockReading } from './lock-entry.ts'
import { readPackageFiles } from './package-files-reader.ts'
import { readPipfileLock } from './pipfile-lock-reader.ts'
import { readPylock } from './pylock-reader.ts'
import { readRequirements } from './requirements-reader.ts'
import { readUvLock } from './uv-lock-reader.ts'

/** What one file or folder says. */
export interface ReadLock extends LockReading {
  /** As named by the caller; of files that others include, below the folder of those. */
  readonly path: string
}

/**
 * Reads a lock by its name (uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, else requirements with all that they
 * include), hashes a distribution, or every one of a folder. `env` is what lines of requirements take from it. Throws GuardError
 * `lock-unreadable`, `requirement-refused`.
 */
export async function readLocks(path: string, env: NodeJS.ProcessEnv): Promise<readonly ReadLock[]> {
  if (await isFolder(path)) return [await readFolder(path)]
  const name = basename(path)
  if (isDistributionName(name)) return [{ path, entries: [await fileEntry(path, name)], sources: [] }]
  const reader = readerOf(name)
  return reader === undefined
    ? await readAllRequirements(path, env)
    : [{ path, ...reader(await readLimited(path), path) }]
}

function readerOf(name: string): ((bytes: Uint8Array, path: string) => LockReading) | undefined {
  if (isLockName(name)) return readPylock
  switch (name) {
    case 'uv.lock':
      return readUvLock
    case 'Pipfile.lock':
      return readPipfileLock
    case 'pdm.lock':
    case 'poetry.lock':
      return readPackageFiles
    default:
      return undefined
  }
}

/** The file and all that it includes, each once; pip takes their paths from the folder of the file that names them. */
async function readAllRequirements(first: string, env: NodeJS.ProcessEnv): Promise<readonly ReadLock[]> {
  const wanted = [{ path: first, constraint: false }]
  const read = new Map<string, ReadLock>()
  for (const { path, constraint } of wanted) {
    const key = `${constraint ? '-c' : '-r'} ${resolve(path)}`
    if (read.has(key)) continue
    if (read.size === MAX_INCLUDED_FILES) throw unreadable(first, `it includes more than ${MAX_INCLUDED_FILES} files`)
    const { includes, ...reading } = readRequirements(await readLimited(path), path, { env, constraint })
    read.set(key, { path, ...reading })
    for (const include of includes) {
      if (URL.canParse(include.path)) {
        throw unreadable(path, `line ${include.line} includes a URL, which anybody there can change`)
      }
      wanted.push({ path: join(dirname(path), include.path), constraint: include.constraint })
    }
  }
  return [...read.values()]
}

async function readFolder(path: string): Promise<ReadLock> {
  const names = (await readdir(path)).filter(isDistributionName).toSorted()
  if (names.length === 0) throw unreadable(path, 'the folder holds no .whl, .tar.gz or .zip')
  if (names.length > MAX_FOLDER_FILES) throw unreadable(path, `the folder holds more than ${MAX_FOLDER_FILES} files`)
  const entries: LockEntry[] = []
  for (const name of names) entries.push(await fileEntry(join(path, name), name))
  return { path, entries, sources: [] }
}

async function fileEntry(path: string, filename: string): Promise<LockEntry> {
  const project = projectOfFile(filename)
  const place = { line: undefined, version: undefined, filename }
  if (project === undefined) {
    const reason = 'This is not the file name of a wheel or sdist, so no project of an index has it.'
    return { kind: 'gap', ...place, project, code: 'not-locked', reason }
  }
  const hash = createHash('sha256')
  await reading(path, () => pipeline(createReadStream(path), hash))
  return { kind: 'files', ...place, project, sha256: [hash.digest('hex')], from: undefined }
}

/** No more than a lock may have: a device or pipe has no size to be asked for. */
async function readLimited(path: string): Promise<Buffer> {
  return await reading(path, async () => {
    await using file = await open(path)
    const parts: Buffer[] = []
    let length = 0
    for await (const part of file.createReadStream({ autoClose: false, end: MAX_LOCK_BYTES })) {
      if (!Buffer.isBuffer(part)) continue
      parts.push(part)
      length += part.length
    }
    return Buffer.concat(parts, length)
  })
}

async function isFolder(path: string): Promise<boolean> {
  return await reading(path, async () => (await stat(path)).isDirectory())
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new GuardError(
      'lock-unreadable',
      `${path} cannot be read (${why}). Name a lock, a requirements file or a folder.`,
      {
        cause,
        data: { path },
      },
    )
  }
}
