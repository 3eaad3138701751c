import { parseCoreMetadata } from './core-metadata.ts'
import { excerpt } from './excerpt.ts'
import { gunzipOne, gzipError } from './gzip-reader.ts'
import { checkBudget } from './inspection-budget.ts'
import type { InspectionBudget } from './inspection-budget.ts'
import { MAX_ARCHIVE_ENTRIES, MAX_MEMBER_COMPONENTS, MAX_MEMBER_PATH_BYTES, MAX_METADATA_BYTES } from './limits.ts'
import { refuseMemberPath } from './member-path.ts'
import { PathTree } from './path-tree.ts'
import { normalizeProjectName } from './project-name.ts'
import { parseSdistFilename } from './sdist-filename.ts'
import { readTar } from './tar-reader.ts'
import type { TarKind, TarMember } from './tar-reader.ts'
import { compareVersions, parseVersion, tryParseVersion } from './version.ts'

/** What was proven of an sdist. */
export interface SdistInspection {
  /** The bytes of PKG-INFO, as they are. */
  readonly pkgInfo: Uint8Array
  readonly topDirectory: string
  readonly hasPyproject: boolean
  readonly memberCount: number
  /** Bytes of all files together. */
  readonly uncompressedSize: number
  /** Whether the sdist has a file, or a link to one, at this path below its top directory, for License-File (PEP 639). */
  has(path: string): boolean
}

export interface SdistExpectation {
  /** In normal form. */
  readonly project: string
  readonly version: string
  /** Bytes of the whole file, where known: what the compression ratio is measured against. */
  readonly compressedSize?: number
  /** Beyond it the inspection ends with `limit-exceeded`. */
  readonly budget?: InspectionBudget
}

/**
 * Inspects a `.tar.gz` sdist in one pass and flat memory: one gzip member, plain tar framing, the rules of PEP 721's data filter
 * (no path or link out of the archive, no device), no member twice or through a link, one top directory named like the file, with
 * a PKG-INFO that names this project and version (standards.md 3.3; attacks.md TAR-BOMB, TAR-SYM, TAR-DEV, TAR-SPARSE).
 * @throws PackagingError for whatever is wrong with the sdist; errors of `chunks` pass through
 */
export async function inspectSdist(
  chunks: AsyncIterable<Uint8Array>,
  filename: string,
  expected: SdistExpectation,
): Promise<SdistInspection> {
  const named = parseSdistFilename(filename)
  const version = parseVersion(expected.version)
  if (named.name !== expected.project || compareVersions(named.version, version) !== 0) {
    throw gzipError(`The file name ${excerpt(filename)} is that of another project or version`)
  }
  const topDirectory = filename.slice(0, -'.tar.gz'.length)
  const members = new SdistMembers()
  const pkgInfoParts: Uint8Array[] = []
  let bytes = 0
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of gunzipOne(chunks, expected.compressedSize)) {
      bytes += chunk.length
      checkBudget({ bytes, members: members.count }, expected.budget)
      yield chunk
    }
  }
  await readTar(counted(), (member) => {
    members.add(member)
    checkBudget({ bytes, members: members.count }, expected.budget)
    if (member.path !== `${topDirectory}/PKG-INFO`) return undefined
    if (member.kind !== 'file' || member.size > MAX_METADATA_BYTES) throw gzipError('PKG-INFO is too large or no file')
    return (data) => pkgInfoParts.push(Uint8Array.from(data))
  })
  members.finish(topDirectory)
  if (members.kindOf(`${topDirectory}/PKG-INFO`) !== 'file')
    throw gzipError(`PKG-INFO not found at ${excerpt(topDirectory)}`)
  const pkgInfo = Buffer.concat(pkgInfoParts)
  comparePkgInfo(pkgInfo, expected.project, version)
  return {
    pkgInfo,
    topDirectory,
    hasPyproject: members.kindOf(`${topDirectory}/pyproject.toml`) === 'file',
    memberCount: members.count,
    uncompressedSize: members.bytes,
    has: (path) => {
      const kind = members.kindOf(`${topDirectory}/${path}`)
      return kind !== undefined && kind !== 'directory'
    },
  }
}

/** The members of an archive, judged one by one and then together. */
class SdistMembers {
  readonly #tree = new PathTree()
  /** By number of the path; absent for directories that are only implied. */
  readonly #kinds: (TarKind | undefined)[] = []
  readonly #symlinks: { readonly node: number; readonly path: string; readonly steps: readonly string[] }[] = []
  count = 0
  bytes = 0

  add(member: TarMember): void {
    const { path, kind } = member
    this.count += 1
    this.bytes += member.size
    if (this.count > MAX_ARCHIVE_ENTRIES) throw gzipError(`More than ${MAX_ARCHIVE_ENTRIES} members`)
    const unsafe = refuseMemberPath(path)
    if (unsafe !== undefined) throw gzipError(`The member ${excerpt(path)} has an unsafe path: ${unsafe}`)
    if (kind === 'hardlink' && this.kindOf(member.linkTarget) !== 'file') {
      throw gzipError(`The link ${excerpt(path)} does not point to a file before it`)
    }
    let node = PathTree.ROOT
    for (const component of path.split('/')) node = this.#tree.enter(node, component)
    const known = this.#kinds[node]
    // A directory may be told twice: it changes nothing.
    if (known !== undefined && !(known === 'directory' && kind === 'directory')) {
      throw gzipError(`The member ${excerpt(path)} appears twice`)
    }
    if (kind === 'symlink') this.#symlinks.push({ node, path, steps: readTarget(member) })
    this.#kinds[node] = kind
  }

  kindOf(path: string): TarKind | undefined {
    const node = this.#tree.find(path)
    return node === undefined ? undefined : this.#kinds[node]
  }

  /** What can only be judged when all are known: in what order members are unpacked must not matter. */
  finish(topDirectory: string): void {
    const top = this.#tree.child(PathTree.ROOT, topDirectory)
    for (let node = 1; node < this.#tree.size; node += 1) {
      const parent = this.#tree.parent(node)
      if (parent === PathTree.ROOT && node !== 1) {
        throw gzipError('Incorrect number of top-level directories in sdist')
      }
      const kind = this.#kinds[parent]
      if (kind !== undefined && kind !== 'directory') throw gzipError('A member lies below a file or link')
    }
    if (top === undefined) throw gzipError('The top-level directory is not named like the file')
    if (this.#kinds[top] === 'symlink') throw gzipError('The top-level directory is a link')
    for (const link of this.#symlinks) {
      if (this.#leaves(link.node, link.steps)) throw gzipError(`The link ${excerpt(link.path)} leaves the archive`)
    }
  }

  /** PEP 721 resolves a target against the file system; without one, a target may not go through other links at all. */
  #leaves(link: number, steps: readonly string[]): boolean {
    let at = this.#tree.parent(link)
    /** Steps below `at` into what the archive does not have. */
    let beyond = 0
    for (const step of steps) {
      if (beyond === 0 && this.#kinds[at] === 'symlink') return true
      if (step !== '..') {
        const next = beyond === 0 ? this.#tree.child(at, step) : undefined
        if (next === undefined) beyond += 1
        else at = next
      } else if (beyond > 0) beyond -= 1
      else at = this.#tree.parent(at)
      if (at === PathTree.ROOT) return true
    }
    return false
  }
}

/** The steps of a symbolic link's target, those that change nothing left out. */
function readTarget({ path, linkTarget }: TarMember): readonly string[] {
  if (linkTarget.startsWith('/') || linkTarget.includes('\\') || linkTarget.includes(':')) {
    throw gzipError(`The link ${excerpt(path)} leaves the archive`)
  }
  const all = linkTarget.length > MAX_MEMBER_PATH_BYTES ? undefined : linkTarget.split('/')
  const steps = all?.filter((step) => step !== '' && step !== '.')
  if (steps === undefined || steps.length > MAX_MEMBER_COMPONENTS)
    throw gzipError(`The link ${excerpt(path)} is too long`)
  return steps
}

function comparePkgInfo(bytes: Uint8Array, project: string, version: ReturnType<typeof parseVersion>): void {
  const metadata = parseCoreMetadata(bytes)
  if (normalizeProjectName(metadata.name) !== project) throw gzipError('PKG-INFO names another project')
  const stated = tryParseVersion(metadata.version)
  if (stated === undefined || compareVersions(stated, version) !== 0) throw gzipError('PKG-INFO names another version')
}
