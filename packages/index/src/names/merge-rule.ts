import {
  canonicalVersionKey,
  compareVersions,
  hasLocal,
  PackagingError,
  parseSpecifierSet,
  satisfies,
  tryParseVersion,
} from '@waxseal/packaging'
import type { Version } from '@waxseal/packaging'
import { DocumentReader } from '@waxseal/trust/documents'
import type { JsonValue } from '@waxseal/trust/documents'
import { mergedFilenameKey } from './filename-key.ts'
import { LOCAL_SOURCE } from './local-source.ts'
import { MAX_ACTOR, readLine, readOneOf } from './read-document.ts'
import { releaseKey } from './release-key.ts'

/**
 * How the files of a second source stand beside those of the owner of a name (attacks.md 6.5 rows 15 to 20). `platform-wheels`: wheels
 * of releases that the owner has, with the very same metadata. `older-versions`: releases that `versions` allows and the owner does not
 * have. `newer-than-fork`: releases of the owner with a local label (`2.1+acme.1`).
 */
export const MERGE_EXTENSIONS = ['platform-wheels', 'older-versions', 'newer-than-fork'] as const

export interface MergeRule {
  /** The source that the name belongs to: `local`, or an upstream. Its files are never replaced. */
  readonly owner: string
  /** The source that adds to it. */
  readonly extender: string
  readonly extend: (typeof MERGE_EXTENSIONS)[number]
  /** PEP 440 specifiers, of `older-versions` alone. */
  readonly versions?: string | undefined
  /**
   * Of `newer-than-fork` alone: whether releases of the owner above a patched one are offered (`follow`), or kept back until they are patched
   * too (`hold`).
   */
  readonly newer?: 'follow' | 'hold' | undefined
  /** Who of the owner's side agreed: the name of a user, or `operator` where an upstream is the owner. */
  readonly consent: string
}

/** The upstream of the two sources. */
export function upstreamOf({ owner, extender }: Pick<MergeRule, 'owner' | 'extender'>): string {
  return owner === LOCAL_SOURCE ? extender : owner
}

/** What of a file decides whether it may stand beside others. */
export interface MergedFile {
  readonly source: string
  readonly filename: string
  readonly version: string
  readonly kind: 'wheel' | 'sdist'
  readonly sha256: string | null
  readonly metadataSha256: string | null
}

/** Why a file of a merged name is not offered. */
export type MergeVerdict =
  | 'offered'
  /** The owner has other bytes under this file name, however it is spelt (DC-2, FN-AMB). */
  | 'merge-conflict'
  /** It is in the owner's release, and says other things about it (EXD-4). */
  | 'merge-metadata-differs'
  /** The rule does not let the extender add this. */
  | 'merge-not-allowed'
  /** The same file, which the owner offers. */
  | 'merge-same'
  /** Of the owner, above what is patched, and `hold`. */
  | 'merge-held'

/**
 * Judges every file of a merged name, in the order that they come in. Costs what sorting the versions costs; asks nobody.
 */
export function judgeMerged<T extends MergedFile>(rule: MergeRule, files: readonly T[]): ReadonlyMap<T, MergeVerdict> {
  const owned = files.filter(({ source }) => source === rule.owner)
  const facts = ownerFacts(owned)
  const verdicts = new Map<T, MergeVerdict>()
  const patched: Version[] = []
  for (const file of files) {
    if (file.source !== rule.extender) continue
    const verdict = isForeignLabel(file) ? 'merge-not-allowed' : judgeExtending(rule, file, facts)
    verdicts.set(file, verdict)
    const version = tryParseVersion(file.version)
    if (verdict === 'offered' && version !== undefined) patched.push(version)
  }
  const newest = rule.newer === 'hold' ? newestOf(patched) : undefined
  for (const file of owned) {
    const version = tryParseVersion(file.version)
    const isHeld =
      newest !== undefined && version !== undefined && compareVersions({ ...newest, local: [] }, version) < 0
    verdicts.set(file, isForeignLabel(file) ? 'merge-not-allowed' : isHeld ? 'merge-held' : 'offered')
  }
  return verdicts
}

/** A local label of an upstream's would sort above the release that it is of (design.md section 8; attacks.md DC-6). */
function isForeignLabel({ source, version }: MergedFile): boolean {
  const parsed = source === LOCAL_SOURCE ? undefined : tryParseVersion(version)
  return parsed !== undefined && hasLocal(parsed)
}

interface OwnerFacts {
  readonly byFilename: ReadonlyMap<string, string | null>
  /** What is known of the metadata of each release. */
  readonly releases: ReadonlyMap<string, ReadonlySet<string>>
}

function ownerFacts(owned: readonly MergedFile[]): OwnerFacts {
  const releases = new Map<string, Set<string>>()
  for (const { version, metadataSha256 } of owned) {
    const key = releaseKey(version)
    const known = releases.get(key) ?? new Set()
    releases.set(key, known)
    if (metadataSha256 !== null) known.add(metadataSha256)
  }
  return { byFilename: new Map(owned.map(({ filename, sha256 }) => [mergedFilenameKey(filename), sha256])), releases }
}

function judgeExtending(rule: MergeRule, file: MergedFile, { byFilename, releases }: OwnerFacts): MergeVerdict {
  const theirs = byFilename.get(mergedFilenameKey(file.filename))
  if (theirs !== undefined) return theirs !== null && theirs === file.sha256 ? 'merge-same' : 'merge-conflict'
  const key = releaseKey(file.version)
  const version = tryParseVersion(file.version)
  switch (rule.extend) {
    case 'platform-wheels': {
      const metadata = releases.get(key)
      if (metadata === undefined || file.kind !== 'wheel') return 'merge-not-allowed'
      // What is not known is not the same.
      return file.metadataSha256 !== null && metadata.has(file.metadataSha256) ? 'offered' : 'merge-metadata-differs'
    }
    case 'older-versions': {
      if (version === undefined || releases.has(key) || rule.versions === undefined) return 'merge-not-allowed'
      return satisfies(version, parseSpecifierSet(rule.versions), { prereleases: true })
        ? 'offered'
        : 'merge-not-allowed'
    }
    case 'newer-than-fork': {
      if (version === undefined || !hasLocal(version)) return 'merge-not-allowed'
      return releases.has(canonicalVersionKey({ ...version, local: [] })) ? 'offered' : 'merge-not-allowed'
    }
  }
}

function newestOf(versions: readonly Version[]): Version | undefined {
  let newest: Version | undefined
  for (const version of versions) if (newest === undefined || compareVersions(version, newest) > 0) newest = version
  return newest
}

const MAX_SPECIFIERS = 200

/** The rule as it stands in a record. @throws TrustError */
export function readMergeRule(value: JsonValue | undefined): MergeRule {
  const reader = new DocumentReader(value, 'merge')
  reader.onlyHas(['owner', 'extender', 'extend', 'versions', 'newer', 'consent'])
  const rule: MergeRule = {
    owner: readLine(reader, 'owner', MAX_ACTOR),
    extender: readLine(reader, 'extender', MAX_ACTOR),
    extend: readOneOf(reader, 'extend', MERGE_EXTENSIONS),
    ...(reader.has('versions') ? { versions: readLine(reader, 'versions', MAX_SPECIFIERS) } : {}),
    ...(reader.has('newer') ? { newer: readOneOf<'follow' | 'hold'>(reader, 'newer', ['follow', 'hold']) } : {}),
    consent: readLine(reader, 'consent', MAX_ACTOR),
  }
  const problem = mergeRuleProblem(rule)
  if (problem !== undefined) throw reader.invalid(problem)
  return rule
}

/** What is wrong with a rule, in words that follow "it"; undefined: nothing. */
export function mergeRuleProblem({ owner, extender, extend, versions, newer }: MergeRule): string | undefined {
  if (owner === extender) return 'has one source as owner and as extender'
  if ((extend === 'older-versions') !== (versions !== undefined))
    return 'needs versions for older-versions, and only there'
  if ((extend === 'newer-than-fork') !== (newer !== undefined)) {
    return 'needs to say whether newer releases follow or hold for newer-than-fork, and only there'
  }
  if (versions === undefined) return undefined
  try {
    parseSpecifierSet(versions)
    return undefined
  } catch (error) {
    if (error instanceof PackagingError) return `has no valid versions: ${error.message}`
    throw error
  }
}

/** The rule with its members in a fixed order, without those that it does not have. */
export function mergeDocument({ owner, extender, extend, versions, newer, consent }: MergeRule): {
  readonly [member: string]: string | undefined
} {
  return { owner, extender, extend, versions, newer, consent }
}
