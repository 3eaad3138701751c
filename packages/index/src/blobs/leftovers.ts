import { hash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { link, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { PART_ABANDONED_MS } from '../limits.ts'
import { isMissing, isSystemError, syncFolder } from './durable.ts'

const PART = '.part-'
const ASIDE = '.aside-'
/** This process among all that had or will have the same process number. */
const self = randomBytes(6).toString('hex')
/** Where process numbers mean what they mean to us: one running kernel, and on it one pid namespace. */
const realm = hash('sha256', pidNamespace()).slice(0, 12)
const us = `${process.pid}-${self}-${realm}-`
let count = 0

function pidNamespace(): string {
  if (process.platform !== 'linux') return hostname()
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
    // Clones of a virtual machine are of one boot, and in the same namespace.
    return [hostname(), boot, readlinkSync('/proc/self/ns/pid')].join()
  } catch {
    // Without /proc nobody's number says anything to us, nor ours to anybody.
    return self
  }
}

/** What processes that are gone left behind. */
export interface Leftovers {
  readonly files: number
  readonly bytes: number
}

export const NO_LEFTOVERS: Leftovers = { files: 0, bytes: 0 }

/**
 * A name for an unfinished file: no reader asks for it, and processes that see the writer's number can tell from it
 * whether the writer still lives.
 */
export function partName(): string {
  return `${PART}${us}${count++}`
}

/** A name for a blob that is about to be deleted, from which it can be put back when we die before that is decided. */
export function asideName(sha256: string): string {
  return `${ASIDE}${us}${sha256}`
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
  if (writerOf(aside, ASIDE) === 'alive') return 'deciding'
  await putBack(folder, aside, sha256)
  return 'put-back'
}

/** Whether a name is one of ours for what is not, or no longer, a blob. */
export function isTransientName(name: string): boolean {
  return name.startsWith(PART) || name.startsWith(ASIDE)
}

/**
 * Says of the unfinished files that this process has in `folder` that it still wants them, so that they do not grow old
 * where others can go by nothing else: a client may send small fields for hours after its file.
 */
export async function renewParts(folder: string): Promise<void> {
  const ours = (await readdir(folder)).filter((name) => name.startsWith(PART + us))
  if (ours.length === 0) return
  const now = new Date(await timeOf(folder))
  for (const name of ours) {
    await utimes(join(folder, name), now, now).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}

/**
 * Removes from `folder` the unfinished files of processes that are gone, and puts back what they had set aside; with
 * `dryRun` it only counts. `folders` are those in it. The files of a process that cannot be seen from here, on another
 * host or in another container, go once they are `PART_ABANDONED_MS` old.
 */
export async function sweepParts(
  folder: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Leftovers & { readonly folders: readonly string[] }> {
  const folders: string[] = []
  let files = 0
  let bytes = 0
  let now: number | undefined
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry
    const path = join(folder, name)
    if (entry.isDirectory()) folders.push(path)
    else if (name.startsWith(ASIDE)) {
      // Done for one that lives and is out of sight, it only spares a blob until the next collection.
      if (!dryRun && writerOf(name, ASIDE) !== 'alive')
        await putBack(folder, name, name.slice(name.lastIndexOf('-') + 1))
    } else if (name.startsWith(PART)) {
      const writer = writerOf(name, PART)
      if (writer === 'alive') continue
      const part = await statIfThere(path)
      if (part === undefined) continue
      if (writer === 'out-of-sight') {
        now ??= dryRun ? Date.now() : await timeOf(folder)
        // A time from the future is from a clock that was wrong.
        if (Math.abs(now - part.mtimeMs) < PART_ABANDONED_MS) continue
      }
      files += 1
      bytes += part.size
      if (!dryRun) await rm(path, { force: true })
    }
  }
  return { folders, files, bytes }
}

/** The time by the clock that stamps the files of `folder`, which is a file server's where hosts share it. */
async function timeOf(folder: string): Promise<number> {
  const path = join(folder, partName())
  const handle = await open(path, 'w', 0o600)
  try {
    return (await handle.stat()).mtimeMs
  } finally {
    await handle.close()
    await rm(path, { force: true })
  }
}

async function statIfThere(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** What can be said of the process that gave a file its name; those that 0.1.0 gave do not say where it runs. */
function writerOf(name: string, prefix: string): 'alive' | 'gone' | 'out-of-sight' {
  const [number, writer, where] = name.slice(prefix.length).split('-')
  if (writer === self) return 'alive'
  if (where !== realm) return 'out-of-sight'
  // Our own number under another's mark: that process was before us.
  const pid = Number(number)
  return pid !== process.pid && isAlive(pid) ? 'alive' : 'gone'
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
