import { filenameOf } from './file-name.ts'
import type { LockTable } from './lock-document.ts'
import { isTable, LockDocument, ownIn, tableIn, tablesIn, textIn, unreadable } from './lock-document.ts'
import type { LockEntry, LockReading } from './lock-entry.ts'

/**
 * poetry.lock and pdm.lock: `[[package]]` with `files = [{ file or url, hash }]`, which older ones keep in
 * `[metadata.files]` under `name` (Poetry 1.1) or `name version` (PDM before 2.4). `path` is for messages.
 * Throws GuardError `lock-unreadable`.
 */
export function readPackageFiles(bytes: Uint8Array, path: string): LockReading {
  const document = LockDocument.fromToml(bytes, path)
  const packages = tablesIn(document.top, 'package')
  const indexes = new Set(
    packages.flatMap((one) => {
      const source = tableIn(one, 'source') ?? {}
      return textIn(source, 'type') === 'legacy' ? (textIn(source, 'url') ?? []) : []
    }),
  )
  return {
    entries: packages.flatMap((one) => document.counted(packageEntries(document, one))),
    sources: [...indexes].map((url) => ({ line: undefined, by: 'package.source', url })),
  }
}

function packageEntries(document: LockDocument, one: LockTable): readonly LockEntry[] {
  const of = { project: document.project(one), version: textIn(one, 'version') }
  const source = tableIn(one, 'source') ?? {}
  const type = textIn(source, 'type')
  if (type === 'git' || textIn(one, 'git') !== undefined || textIn(one, 'hg') !== undefined) {
    return [document.gap('other-source', of)]
  }
  const files = filesOf(document, one, of)
  if (files.length === 0) {
    const local = type === 'directory' || (textIn(one, 'path') !== undefined && textIn(one, 'url') === undefined)
    return [local ? document.gap('local', of) : document.gap('unhashed', of)]
  }
  return files.map((file) => {
    const url = textIn(file, 'url')
    const filename = filenameOf(textIn(file, 'file') ?? url ?? '')
    const hash = textIn(file, 'hash')
    if (filename === undefined) throw unreadable(document.path, `a file of ${of.project} has no name`)
    const sha256 = hash === undefined ? undefined : document.sha256(hash)
    if (sha256 === undefined) return document.gap('unhashed', { ...of, filename })
    const line = document.lineOfHash(sha256)
    const from = url ?? textIn(one, 'url') ?? textIn(source, 'url')
    return { kind: 'files', line, ...of, filename, sha256: [sha256], from }
  })
}

/** PDM lists a project once more for each set of extras, all with the same files. */
function filesOf(
  document: LockDocument,
  one: LockTable,
  { version }: { readonly version: string | undefined },
): readonly LockTable[] {
  if (ownIn(one, 'files') !== undefined) return tablesIn(one, 'files')
  const old = tableIn(tableIn(document.top, 'metadata') ?? {}, 'files') ?? {}
  const name = textIn(one, 'name') ?? ''
  const list = ownIn(old, `${name} ${version ?? ''}`) ?? ownIn(old, name)
  return Array.isArray(list) ? list.filter(isTable) : []
}
