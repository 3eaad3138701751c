import { filenameOf } from './file-name.ts'
import type { LockTable } from './lock-document.ts'
import { LockDocument, ownIn, tableIn, tablesIn, textIn, unreadable } from './lock-document.ts'
import type { LockEntry, LockReading } from './lock-entry.ts'

/** The only version of the format so far; its revisions add keys. */
const VERSION = 1

/**
 * uv.lock: `[[package]]` with a `source` and, of an index or a URL, an `sdist` and `wheels` with `url` and `hash`.
 * `path` is for messages. Throws GuardError `lock-unreadable`.
 */
export function readUvLock(bytes: Uint8Array, path: string): LockReading {
  const document = LockDocument.fromToml(bytes, path)
  if (ownIn(document.top, 'version') !== VERSION) throw unreadable(path, `its version is not ${VERSION}`)
  const entries = tablesIn(document.top, 'package').flatMap((one) => document.counted(packageEntries(document, one)))
  const indexes = new Set(
    tablesIn(document.top, 'package').flatMap((one) => textIn(tableIn(one, 'source') ?? {}, 'registry') ?? []),
  )
  return { entries, sources: [...indexes].map((url) => ({ line: undefined, by: 'source.registry', url })) }
}

function packageEntries(document: LockDocument, one: LockTable): readonly LockEntry[] {
  const of = { project: document.project(one), version: textIn(one, 'version') }
  const source = tableIn(one, 'source') ?? {}
  if (['virtual', 'editable', 'directory'].some((key) => textIn(source, key) !== undefined)) {
    return [document.gap('local', of)]
  }
  if (textIn(source, 'git') !== undefined) {
    return [document.gap('other-source', of)]
  }
  const place = textIn(source, 'registry') ?? textIn(source, 'url') ?? textIn(source, 'path')
  if (place === undefined) throw unreadable(document.path, `${of.project} has no source that is known here`)
  const sdist = tableIn(one, 'sdist')
  const files = [...(sdist === undefined ? [] : [sdist]), ...tablesIn(one, 'wheels')]
  if (files.length === 0) return [document.gap('unhashed', of)]
  return files.map((file) => {
    const url = textIn(file, 'url')
    // Of a direct URL or path the file is where the source says.
    const name = textIn(file, 'filename') ?? filenameOf(url ?? textIn(file, 'path') ?? place)
    const hash = textIn(file, 'hash')
    const sha256 = hash === undefined ? undefined : document.sha256(hash)
    if (name === undefined) throw unreadable(document.path, `a file of ${of.project} has no name`)
    if (sha256 === undefined) {
      return document.gap('unhashed', { ...of, filename: name })
    }
    const line = document.lineOfHash(sha256)
    return { kind: 'files', line, ...of, filename: name, sha256: [sha256], from: url ?? place }
  })
}
