import { fork } from 'node:child_process'
import type { ChildProcess, ForkOptions } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join, relative, sep } from 'node:path'
import { getAsset, isSea } from 'node:sea'
import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

/*
 * Where the program's own files come from: they lie beside the source that asks for them, or, when the program is one
 * executable file, inside of it under the last part of their name, where `scripts/build-executable.ts` puts every
 * `*-worker.ts`, every `*-process.ts` and the folders (docs/decisions/0020-one-executable.md).
 */

/** Files that come with the program, by their paths in a folder, with `/`. */
export interface OwnFolder {
  /** Empty where there is no such folder. */
  list(): Promise<readonly string[]>
  /** Rejects where there is no such file. */
  read(path: string): Promise<Uint8Array>
}

/** The folder `place`, an absolute path. */
export function ownFolder(place: string): OwnFolder {
  const name = basename(place)
  return isSea()
    ? {
        list: async () => JSON.parse(getAsset(name, 'utf8')) as readonly string[],
        read: async (path) => new Uint8Array(getAsset(`${name}/${path}`)),
      }
    : {
        list: async () => {
          const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => [])
          const files = entries.filter((entry) => entry.isFile())
          return files.map((file) => relative(place, join(file.parentPath, file.name)).split(sep).join('/'))
        },
        read: (path) => readFile(join(place, path)),
      }
}

/** Starts a thread with `source`, a file that ends in `-worker`. */
export function startThread(source: URL, options: WorkerOptions): Worker {
  return isSea()
    ? new Worker(getAsset(nameOf(source), 'utf8'), { ...options, eval: true })
    : new Worker(source, options)
}

/** Starts a process, with a channel, that runs `source`, a file that ends in `-process`. */
export function startProcess(source: URL, options: ForkOptions): ChildProcess {
  // Node's options stand in the executable itself, which would take them for arguments of ours.
  return isSea() ? fork(nameOf(source), { ...options, execArgv: [] }) : fork(source, options)
}

function nameOf(source: URL): string {
  return basename(source.pathname, extname(source.pathname))
}
