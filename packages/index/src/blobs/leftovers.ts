import { randomBytes } from 'node:crypto'
import { link, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, isSystemError, syncFolder } from './durable.ts'

const PART = '.part-'
const ASIDE = '.aside-'
/** This process among all that had or will have the same process number. */
const self = randomBytes(6).toString('hex')
let count = 0

/** What processes that are gone left behind. */
export interface Leftovers {
  readonly files: number
  readonly bytes: number
}

export const NO_LEFTOVERS: Leftovers = { files: 0, bytes: 0 }

/** A name for an unfinished file: no reader asks for it, and whether its writer still lives can be told from it. */
export function partName(): string {
  return `${PART}${process.pid}-${self}-${count++}`
}

/** A name for a blob that is about to be deleted, from which it can be put back when we die before that is decided. */
export function asideName(sha256: string): string {
  return `${ASIDE}${process.pid}-${self}-${sha256}`
}

/** Gives what stands aside its name again, unless somebody stored the same bytes meanwhile. */
export async function putBack(folder: string, aside: string, sha256: string): Promise<void> {
  try {
    await link(join(folder, aside), join(folder, sha256))
    await rm(join(folder, aside))
  } catch (error) {
    if (isMissing(error)) return
    // Both hold the same bytes; and some file systems have no hard links.
    if (isSystemError(error) && error.code === 'EEXIST') await rm(join(folder, aside))
    else await rename(join(folder, aside), join(folder, sha256))
  }
  await syncFolder(folder)
}

/** Whether a sweep is deciding about a blob; one that died over it is undone. */
export async function settleAside(folder: string, sha256: string): Promise<'nothing' | 'deciding' | 'put-back'> {
  let names: readonly string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return 'nothing'
    throw error
  }
  const aside = names.find((name) => name.startsWith(ASIDE) && name.endsWith(sha256))
  if (aside === undefined) return 'nothing'
  if (!isLeftOver(aside, ASIDE)) return 'deciding'
  await putBack(folder, aside, sha256)
  return 'put-back'
}

/** Whether a name is one of ours for what is not, or no longer, a blob. */
export function isTransientName(name: string): boolean {
  return name.startsWith(PART) || name.startsWith(ASIDE)
}

/**
 * Removes from `folder` the unfinished files of processes that are gone, and puts back what they had set aside; with
 * `dryRun` it only counts. `folders` are those in it.
 */
export async function sweepParts(
  folder: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Leftovers & { readonly folders: readonly string[] }> {
  const folders: string[] = []
  let files = 0
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry
    if (entry.isDirectory()) folders.push(join(folder, name))
    else if (isLeftOver(name, ASIDE)) {
      if (!dryRun) await putBack(folder, name, name.slice(name.lastIndexOf('-') + 1))
    } else if (isLeftOver(name, PART)) {
      files += 1
      bytes += await sizeOf(join(folder, name))
      if (!dryRun) await rm(join(folder, name), { force: true })
    }
  }
  return { folders, files, bytes }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}

function isLeftOver(name: string, prefix: string): boolean {
  if (!name.startsWith(prefix)) return false
  const [pid, writer] = name.slice(prefix.length).split('-')
  if (writer === self) return false
  // Our own number under another's mark: that process was before us (in a container every process may be number 1).
  return Number(pid) === process.pid || !isAlive(Number(pid))
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
