import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const PREFIX = '.part-'
/** This process among all that had or will have the same process number. */
const self = randomBytes(6).toString('hex')
let count = 0

/** A name for an unfinished file: no reader asks for it, and whether its writer still lives can be told from it. */
export function partName(): string {
  return `${PREFIX}${process.pid}-${self}-${count++}`
}

/** Removes from `folder` the unfinished files of processes that are gone; the folders in it are returned. */
export async function sweepParts(folder: string): Promise<readonly string[]> {
  const folders: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) folders.push(join(folder, entry.name))
    else if (isLeftOver(entry.name)) await rm(join(folder, entry.name), { force: true })
  }
  return folders
}

function isLeftOver(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false
  const [pid, writer] = name.slice(PREFIX.length).split('-')
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
