import { lchown, open, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Who may read what is put into a folder. */
export interface FolderOwner {
  readonly uid: number
  readonly gid: number
}

/**
 * Whom root gives what it makes in `folder`: the folder's owner, as SQLite does with its files. Else one command of an
 * administrator would leave pages behind that the server, running as a user of its own, cannot read. Undefined where what
 * is made belongs to the right user by itself.
 */
export async function folderOwner(folder: string): Promise<FolderOwner | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder)
  return uid === 0 ? undefined : { uid, gid }
}

/**
 * Gives `made`, an open file or the paths of folders, to `owner`, if there is any. Only what was made this moment: that user
 * may put anything else into its place, and must not be given what that leads to.
 */
export async function giveTo(owner: FolderOwner | undefined, made: FileHandle | readonly string[]): Promise<void> {
  if (owner === undefined) return
  const { uid, gid } = owner
  if ('fd' in made) await made.chown(uid, gid)
  else for (const path of made) await lchown(path, uid, gid)
}

/**
 * Makes an empty file at `path`, for the owner of its folder alone, for a library that opens its files itself. What is there
 * already stays as it is, and whose it is: it may be a link to anything.
 */
export async function makeFile(path: string): Promise<void> {
  try {
    await using handle = await open(path, 'wx', 0o600)
    await giveTo(await folderOwner(dirname(path)), handle)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
