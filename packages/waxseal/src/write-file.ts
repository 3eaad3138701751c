import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Whose a file is. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** What a file is given; what is not said stays as it is. */
export interface FileAttributes {
  readonly mode?: number
  /** Of a file that is not there yet; only root can say this. */
  readonly owner?: Owner
}

/**
 * Writes `text` to `path` whole or not at all: under another name in the same folder, synced, renamed, the folder synced.
 * A file that is there keeps its owner, its group and, unless one is given, its mode; a link to it stays one. Throws the
 * system's error, also when this process may not give the new file to the owner of the old one.
 */
export function writeWhole(path: string, text: string, { mode, owner }: FileAttributes = {}): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  const target = found?.isSymbolicLink() === true ? realpathSync(path) : path
  const before = found === undefined ? undefined : lstatSync(target)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  // One of a process that was killed; or of somebody who wants us to write through a link of theirs.
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', 0o600)
  try {
    try {
      give(file, before ?? (process.getuid?.() === 0 ? owner : undefined))
      fchmodSync(file, mode ?? (before === undefined ? 0o600 : before.mode & 0o777))
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(target))
}

function give(file: number, owner: Owner | undefined): void {
  if (owner === undefined) return
  const { uid, gid } = fstatSync(file)
  if (uid !== owner.uid || gid !== owner.gid) fchownSync(file, owner.uid, owner.gid)
}

/** Makes what was created or renamed in `folder` survive a power cut. */
function syncFolder(folder: string): void {
  // Windows cannot.
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
