import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { RunningServer } from './server.ts'

async function filesBelow(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

const SETTLE_MS = 10_000

/**
 * The files of the blob store once nothing is being written: a page that goes out behind an answer has its temporary
 * name for a moment. One that stays is left over, and for the caller to see.
 */
async function settledFiles(folder: string): Promise<readonly string[]> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const files = await filesBelow(folder)
    if (!files.some((path) => basename(path).startsWith('.part-')) || performance.now() > deadline) return files
  }
}

/** The names of all stored blobs, after checking that each is the sha256 of its content and that nothing else is there. */
export async function auditBlobs(dataDir: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for (const path of await settledFiles(join(dataDir, 'blobs'))) {
    assert.match(basename(path), /^[0-9a-f]{64}$/, `${path} is no blob`)
    assert.equal(await sha256OfFile(path), basename(path), `${path} does not hold what its name says`)
    names.add(basename(path))
  }
  return names
}

/** What is being received, or was and is left over. */
export async function spooledFiles(dataDir: string): Promise<readonly string[]> {
  return (await filesBelow(join(dataDir, 'spool'))).map((path) => basename(path))
}

/** Nothing false is stored: every blob is what its name says, `never` is not among them, and the spool is empty. */
export async function assertSoundStorage(
  dataDir: string,
  { never = [] }: { readonly never?: readonly string[] } = {},
): Promise<void> {
  const blobs = await auditBlobs(dataDir)
  for (const sha256 of never) assert.ok(!blobs.has(sha256), `${sha256} was stored`)
  assert.deepEqual(await spooledFiles(dataDir), [], 'the spool is empty')
}

/**
 * The server met nothing that it calls a fault of its own: no log line at `error` or above, and no stack trace. `known`
 * is what an older release is known to say, which nobody mends any more.
 */
export function assertNoServerFault(server: Pick<RunningServer, 'log'>, known?: RegExp): void {
  const faults = server
    .log()
    .split('\n')
    .filter((line) => /^\{"level":(?:"(?:error|fatal)"|[5-9]\d|\d{3,})/.test(line) || /^\s+at .*\.ts:\d+/.test(line))
    .filter((line) => known?.test(line) !== true)
  assert.deepEqual(
    faults.slice(0, 3).map((line) => line.slice(0, 1500)),
    [],
  )
}
