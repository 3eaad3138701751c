import { spawnSync } from 'node:child_process'
import { open, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

/** A file system of its own that a test may fill. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  /** Fills it until `bytes` are left, in steps of a page; what was filled in before makes room first. */
  leave(bytes: number): Promise<void>
  /** Uses up everything but `count` of its inodes. */
  leaveInodes(count: number): Promise<void>
  /** Takes all filling away. */
  free(): Promise<void>
}

const FILLER = 'filler'
const FILLERS = 'fillers-'

const mount = (...args: readonly string[]) => spawnSync('mount', args, { encoding: 'utf8' })

/** Mounts a tmpfs of `bytes` and `inodes`; needs root, or a user namespace of its own (see `diskTests`). */
export async function mountSmallDisk(bytes: number, inodes = 100_000): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'waxseal-disk-'))
  const made = mount('-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=${inodes},mode=0755`, 'tmpfs', path)
  if (made.status !== 0) throw new Error(`a tmpfs could not be mounted: ${made.stderr}`)
  const free = async (): Promise<void> => {
    await rm(join(path, FILLER), { force: true })
    for (const name of await readdir(path)) if (name.startsWith(FILLERS)) await rm(join(path, name))
  }
  return {
    path,
    free,
    async leave(bytes) {
      for (;;) {
        try {
          return await fill(join(path, FILLER), path, bytes)
        } catch (error) {
          // Somebody else took some of it meanwhile.
          if (!isFull(error)) throw error
        }
      }
    },
    async leaveInodes(count) {
      const { ffree } = await statfs(path)
      for (let made = 0; made < ffree - count; made++) {
        try {
          await (await open(join(path, `${FILLERS}${made}`), 'w')).close()
        } catch (error) {
          // Somebody else took the last one meanwhile.
          if (isFull(error)) return
          throw error
        }
      }
    },
    async [Symbol.asyncDispose]() {
      const gone = spawnSync('umount', [path], { encoding: 'utf8' })
      if (gone.status !== 0) throw new Error(`the tmpfs is still in use: ${gone.stderr}`)
      await rm(path, { recursive: true })
    },
  }
}

/** Fills the file system of `folder` by one file until `bytes` are left. */
async function fill(file: string, folder: string, bytes: number): Promise<void> {
  await using filler = await open(file, 'a')
  await filler.truncate(0)
  const { bavail, bsize } = await statfs(folder)
  const zeros = Buffer.alloc(1024 ** 2)
  for (let left = bavail * bsize - bytes; left > 0; left -= zeros.length) {
    await filler.write(zeros, 0, Math.min(left, zeros.length))
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

/** Shows `folder` once more, read-only, at a path of its own. */
export async function mountReadOnly(folder: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'waxseal-read-only-'))
  for (const made of [mount('--bind', folder, path), mount('-o', 'remount,bind,ro', path)]) {
    if (made.status !== 0) throw new Error(`a read-only view could not be mounted: ${made.stderr}`)
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      spawnSync('umount', [path])
      await rm(path, { recursive: true })
    },
  }
}

const INSIDE = 'WAXSEAL_TEST_NAMESPACE'

/**
 * Declares tests that mount file systems: here as root, else in a user namespace of their own, where one can be had. Where
 * neither is possible they are skipped by name, and on CI failed.
 */
export function diskTests(file: string, declare: () => void): void {
  if (userInfo().uid === 0 || process.env[INSIDE] !== undefined) return declare()
  void test('disks of their own, in a user namespace', (t) => {
    const inside = ['-rm', process.execPath, '--test', fileURLToPath(file)]
    if (spawnSync('unshare', ['-rm', 'true']).status === 0) {
      const env = { ...process.env, [INSIDE]: '1' }
      const run = spawnSync('unshare', inside, { encoding: 'utf8', env })
      if (run.status !== 0) throw new Error(run.stdout + run.stderr)
      return
    }
    const advice = 'no file system can be mounted here: run as root, or allow user namespaces'
    if (process.env['CI']) throw new Error(advice)
    t.skip(advice)
  })
}
