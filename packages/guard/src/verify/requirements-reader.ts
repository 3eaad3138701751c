import { formatVersion, PackagingError, parseRequirement } from '@waxseal/packaging'
import type { Requirement } from '@waxseal/packaging'
import { decodeRequirements } from '../children/requirements-text.ts'
import { filenameOf, isDistributionName, projectOfFile } from './file-name.ts'
import { MAX_LOCK_ENTRIES } from './limits.ts'
import { isSha256, refuseLarge, unreadable } from './lock-document.ts'
import type { GapCode, LockEntry, LockGap, LockReading, LockSource } from './lock-entry.ts'
import type { RequirementLine } from './requirement-lines.ts'
import { requirementLines } from './requirement-lines.ts'

/** What a requirements file says, and what else belongs to it. */
export interface RequirementsReading extends LockReading {
  readonly includes: readonly RequirementsInclude[]
}

export interface RequirementsInclude {
  readonly line: number
  /** As written: relative to the file that says it. */
  readonly path: string
  /** By `-c`: what it lists is installed only where something asks for it. */
  readonly constraint: boolean
}

const REPOSITORY = /^(?:git|hg|svn|bzr)\+/i
const URL_LIKE = /^[a-z][a-z0-9+.-]*:/i
/** What pip takes for a path before it looks for a name. */
const PATH_LIKE = /^\.{0,2}[/\\]|^[A-Za-z]:[/\\]|[/\\]/
const FROM_REPOSITORY = 'It is built from a repository, and no index offers what that becomes. Take a release of it.'
const FOLDER = 'It is a folder beside the file.'
const WRITE = 'Write "name==version --hash=sha256:…" (pip-compile --generate-hashes does).'

/**
 * A requirements file, as pip reads it with `--require-hashes`: every requirement pinned by `==` (or a URL) and bound by
 * `--hash=sha256:`. In constraints what has no hash is passed over. `path` is for messages, `env` for
 * what lines take from it. Throws GuardError `lock-unreadable`, `requirement-refused`.
 */
export function readRequirements(
  bytes: Buffer,
  path: string,
  { env, constraint = false }: { readonly env: NodeJS.ProcessEnv; readonly constraint?: boolean },
): RequirementsReading {
  refuseLarge(bytes, path)
  const lines = requirementLines(decodeRequirements(bytes, path), env)
  if (lines.length > MAX_LOCK_ENTRIES) throw unreadable(path, `it has more than ${MAX_LOCK_ENTRIES} lines`)
  const entries = lines.flatMap((line) => entriesOf(line, path))
  return {
    entries: constraint ? entries.filter(({ kind }) => kind === 'files') : entries,
    sources: lines.flatMap(({ line, options }) =>
      options.flatMap(({ means, name, value }): LockSource[] =>
        means === 'source' ? [{ line, by: name, url: value }] : [],
      ),
    ),
    includes: lines.flatMap(({ line, requirement, options }) =>
      options.flatMap(({ means, value }) =>
        requirement === '' && (means === 'requirement' || means === 'constraint')
          ? [{ line, path: value, constraint: constraint || means === 'constraint' }]
          : [],
      ),
    ),
  }
}

function entriesOf({ line, requirement: text, options }: RequirementLine, path: string): readonly LockEntry[] {
  const editable = options.find(({ means }) => means === 'editable')?.value
  if (editable !== undefined) {
    return [REPOSITORY.test(editable) ? gap(line, 'other-source', FROM_REPOSITORY) : gap(line, 'local', FOLDER)]
  }
  if (text === '') return []
  const hashes = options.filter(({ means }) => means === 'hash').map(({ value }) => value)
  const sha256 = hashes.flatMap((hash) => sha256Of(hash, path, line) ?? [])
  const [first = ''] = text.split(/[;@\s]/)
  const isPlace = URL_LIKE.test(text) || PATH_LIKE.test(first) || isDistributionName(first)
  const requirement = isPlace ? undefined : parse(text)
  if (isPlace) return [placeEntry(line, text.split(/\s/)[0] ?? '', undefined, sha256)]
  if (requirement === undefined) return [gap(line, 'not-locked', `This is no requirement that can be read. ${WRITE}`)]
  if (requirement.url !== undefined) return [placeEntry(line, requirement.url, requirement.name, sha256)]
  return [pinnedEntry(line, requirement, hashes.length, sha256)]
}

/** What is at a URL or path: a file by its name, else nothing that an index could offer. */
function placeEntry(line: number, url: string, name: string | undefined, hashes: readonly string[]): LockEntry {
  const filename = filenameOf(url)
  const project = name ?? (filename === undefined ? undefined : projectOfFile(filename))
  if (REPOSITORY.test(url)) return gap(line, 'other-source', FROM_REPOSITORY, { project })
  if (filename === undefined || project === undefined || !isDistributionName(filename)) {
    return URL_LIKE.test(url)
      ? gap(line, 'other-source', 'The URL does not end in the file name of a wheel or sdist.', { project })
      : gap(line, 'local', FOLDER, { project })
  }
  const inUrl = /[#&]sha256=([0-9a-f]{64})(?:&|$)/.exec(url)?.[1]
  const sha256 = [...hashes, ...(inUrl === undefined ? [] : [inUrl])]
  return sha256.length === 0
    ? gap(line, 'unhashed', 'Nothing binds what is there by its sha256. Add --hash=sha256:….', { project, filename })
    : { kind: 'files', line, project, version: undefined, filename, sha256, from: url }
}

function pinnedEntry(
  line: number,
  { name: project, specifier: [pin, ...others] }: Requirement,
  hashes: number,
  sha256: readonly string[],
): LockEntry {
  if (pin?.operator !== '==' || others.length > 0) {
    return gap(line, 'not-locked', `It is not pinned to one version by "==". ${WRITE}`, { project })
  }
  const version = formatVersion(pin.version)
  if (hashes === 0) return gap(line, 'not-locked', `It has no hash. ${WRITE}`, { project, version })
  return sha256.length === 0
    ? gap(line, 'unhashed', 'It has other hashes than sha256 only. Add --hash=sha256:….', { project, version })
    : { kind: 'files', line, project, version, filename: undefined, sha256, from: undefined }
}

function gap(
  line: number,
  code: GapCode,
  reason: string,
  { project, version, filename }: Partial<Pick<LockGap, 'project' | 'version' | 'filename'>> = {},
): LockGap {
  return { kind: 'gap', line, project, version, filename, code, reason }
}

function sha256Of(hash: string, path: string, line: number): string | undefined {
  const [algorithm, digest = ''] = hash.split(':')
  if (algorithm !== 'sha256') return undefined
  if (!isSha256(digest)) throw unreadable(path, `line ${line}, ${hash.slice(0, 100)} is not a sha256`)
  return digest
}

/** Undefined for what is no dependency specifier. */
function parse(text: string): Requirement | undefined {
  try {
    return parseRequirement(text)
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
