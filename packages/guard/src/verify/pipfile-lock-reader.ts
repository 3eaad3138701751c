import type { LockTable } from './lock-document.ts'
import { isTable, LockDocument, ownIn, tableIn, tablesIn, textIn, unreadable } from './lock-document.ts'
import type { LockEntry, LockReading } from './lock-entry.ts'

/** The only version of the format that pipenv has written since 2017. */
const SPEC = 6
/** What is no category of packages. */
const META = '_meta'

/**
 * Pipfile.lock: categories of projects with `version` and `hashes`, without names of files. `path` is for messages.
 * Throws GuardError `lock-unreadable`.
 */
export function readPipfileLock(bytes: Uint8Array, path: string): LockReading {
  const document = LockDocument.fromJson(bytes, path)
  const meta = tableIn(document.top, META)
  if (meta === undefined || ownIn(meta, 'pipfile-spec') !== SPEC)
    throw unreadable(path, `its pipfile-spec is not ${SPEC}`)
  const entries = Object.entries(document.top).flatMap(([category, projects]) =>
    category === META || !isTable(projects)
      ? []
      : Object.entries(projects).flatMap(([name, one]) =>
          isTable(one) ? document.counted(projectEntries(document, name, one)) : [],
        ),
  )
  return {
    entries,
    sources: tablesIn(meta, 'sources').map((source) => ({
      line: undefined,
      by: '_meta.sources',
      url: textIn(source, 'url') ?? '',
    })),
  }
}

function projectEntries(document: LockDocument, name: string, one: LockTable): readonly LockEntry[] {
  const project = document.projectName(name)
  const version = /^==([^,*]+)$/.exec(textIn(one, 'version') ?? '')?.[1]
  const of = { project, version }
  if (textIn(one, 'git') !== undefined || textIn(one, 'hg') !== undefined || textIn(one, 'svn') !== undefined) {
    return [document.gap('other-source', of)]
  }
  if (textIn(one, 'path') !== undefined) return [document.gap('local', of)]
  const hashes = ownIn(one, 'hashes')
  const texts = Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : []
  const sha256 = texts.flatMap((hash) => document.sha256(hash) ?? [])
  if (sha256.length === 0) return [document.gap('unhashed', of)]
  if (version === undefined) return [document.gap('not-locked', of)]
  const line = document.lineOfHash(sha256[0] ?? '')
  const from = textIn(one, 'file') ?? textIn(one, 'url')
  return [{ kind: 'files', line, project, version, filename: undefined, sha256, from }]
}
