import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Writes `text` to `path` whole or not at all: under another name in the same folder, synced, renamed, the folder synced.
 * A file that is there keeps its mode unless one is given, and a link to it stays one. Throws the system's error.
 */
export function writeWhole(path: string, text: string, mode?: number): void {
  const before = lstatSync(path, { throwIfNoEntry: false })
  const target = before?.isSymbolicLink() === true ? realpathSync(path) : path
  const kept = mode ?? (before === undefined ? 0o600 : lstatSync(target).mode & 0o777)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  try {
    const file = openSync(temporary, 'w', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    chmodSync(temporary, kept)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(target))
}

/** Makes what was created or renamed in `folder` survive a power cut. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
