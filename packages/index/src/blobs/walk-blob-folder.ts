import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, isSystemError } from './durable.ts'
import { isTransientName } from './leftovers.ts'

export const SHA256 = /^[0-9a-f]{64}$/

/** What stands in a blob folder: a blob in its place, what a process is at work on, or what does not belong there. */
export type BlobFolderEntry =
  | { readonly kind: 'blob'; readonly sha256: string; readonly path: string }
  | { readonly kind: 'transient'; readonly path: string }
  | { readonly kind: 'stray'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string }

/** Every entry below `root`, one of the 65,536 folders in memory at a time. */
export async function* walkBlobFolder(root: string): AsyncIterable<BlobFolderEntry> {
  for await (const outer of shardsOf(root)) {
    if (typeof outer !== 'string') {
      yield outer
      continue
    }
    for await (const inner of shardsOf(join(root, outer))) {
      if (typeof inner !== 'string') yield inner
      else yield* blobsOf(join(root, outer, inner), outer + inner)
    }
  }
}

/** Names of the folders of one level; whatever else is there as an entry. */
async function* shardsOf(folder: string): AsyncIterable<string | BlobFolderEntry> {
  const entries = await entriesOf(folder)
  if (entries === undefined) return yield { kind: 'unreadable', path: folder }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name)) yield entry.name
    else if (isTransientName(entry.name)) yield { kind: 'transient', path }
    else yield { kind: 'stray', path }
  }
}

async function* blobsOf(folder: string, prefix: string): AsyncIterable<BlobFolderEntry> {
  const entries = await entriesOf(folder)
  if (entries === undefined) return yield { kind: 'unreadable', path: folder }
  for (const entry of entries) {
    const { name } = entry
    const path = join(folder, name)
    if (entry.isFile() && SHA256.test(name) && name.startsWith(prefix)) yield { kind: 'blob', sha256: name, path }
    else if (isTransientName(name)) yield { kind: 'transient', path }
    else yield { kind: 'stray', path }
  }
}

/** Sorted, so that two walks go the same way; undefined when the folder may not be read, nothing when it is gone. */
async function entriesOf(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (isMissing(error)) return []
    if (isSystemError(error) && (error.code === 'EACCES' || error.code === 'EPERM')) return undefined
    throw error
  }
}
