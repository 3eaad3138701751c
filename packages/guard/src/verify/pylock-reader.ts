import { filenameOf } from './file-name.ts'
import type { LockTable } from './lock-document.ts'
import { isSha256, LockDocument, tableIn, tablesIn, textIn, unreadable } from './lock-document.ts'
import type { LockEntry, LockReading } from './lock-entry.ts'

/**
 * pylock.toml (PEP 751), of any 1.x: later minor versions add keys. `path` is for messages.
 * Throws GuardError `lock-unreadable`.
 */
export function readPylock(bytes: Uint8Array, path: string): LockReading {
  const document = LockDocument.fromToml(bytes, path)
  if (!/^1\.\d+$/.test(textIn(document.top, 'lock-version') ?? '')) {
    throw unreadable(path, 'its lock-version is not 1.0')
  }
  const packages = tablesIn(document.top, 'packages')
  const entries = packages.flatMap((one) => document.counted(packageEntries(document, one)))
  const indexes = new Set(packages.flatMap((one) => textIn(one, 'index') ?? []))
  return { entries, sources: [...indexes].map((url) => ({ line: undefined, by: 'packages.index', url })) }
}

function packageEntries(document: LockDocument, one: LockTable): readonly LockEntry[] {
  const of = { project: document.project(one), version: textIn(one, 'version') }
  if (tableIn(one, 'directory') !== undefined) return [document.gap('local', of)]
  if (tableIn(one, 'vcs') !== undefined) {
    return [document.gap('other-source', of)]
  }
  const files = [tableIn(one, 'archive'), tableIn(one, 'sdist'), ...tablesIn(one, 'wheels')].filter(
    (file) => file !== undefined,
  )
  if (files.length === 0) return [document.gap('unhashed', of)]
  return files.map((file) => {
    const place = textIn(file, 'url') ?? textIn(file, 'path')
    const filename = textIn(file, 'name') ?? filenameOf(place ?? '')
    if (filename === undefined) throw unreadable(document.path, `a file of ${of.project} has no name`)
    const sha256 = textIn(tableIn(file, 'hashes') ?? {}, 'sha256')
    if (sha256 === undefined) return document.gap('unhashed', { ...of, filename })
    if (!isSha256(sha256)) throw unreadable(document.path, `${filename} has a sha256 that is none`)
    const line = document.lineOfHash(sha256)
    return { kind: 'files', line, ...of, filename, sha256: [sha256], from: place ?? textIn(one, 'index') }
  })
}
