import { classifyDistribution, normalizeProjectName } from '@waxseal/packaging'
import type { SimpleFile } from '@waxseal/packaging'
import type { Defences } from './defences.ts'
import { fileJudge } from './file-rules.ts'
import type { HashedFile } from './file-rules.ts'
import { PINNED_AFTER_MS } from './limits.ts'
import type { FileRules } from './name-rules.ts'
import type { PinnedFiles } from './pins.ts'
import type { FileTrust, WithheldFile } from './verified-page.ts'

/** What is known, from signed data and from what was seen before, about a name whose page has been verified. */
export interface NameFacts {
  readonly project: string
  /** What is decided about the name. */
  readonly rules: FileRules
  /** Where files come from that do not say it themselves, as the page has it. */
  readonly source: string | undefined
  /** Files under the developers' own keys, by name; undefined: the project has no such keys. */
  readonly developers: ReadonlyMap<string, { readonly sha256: string; readonly sealed: boolean }> | undefined
  /** What this guard saw before. */
  readonly pinned: PinnedFiles
  /** Why nothing of the project may be had at present (PEP 792); undefined: it may. */
  readonly quarantined: string | undefined
  /** Whether source archives are kept back. */
  readonly wheelsOnly: boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A file that may be handed on, and how far it is vouched for. */
export interface OfferedFile {
  readonly file: HashedFile
  readonly trust: FileTrust
  /** In seconds since 1970, where it is pinned. */
  readonly since?: number
}

/**
 * Which files of a verified page are handed on (design.md section 10). The page may only leave out, yank or add a status where
 * developers sign; elsewhere it says what there is, as far as record and pins allow.
 */
export function applyRules(
  files: readonly SimpleFile[],
  facts: NameFacts,
  defences: Defences,
): { readonly offered: readonly OfferedFile[]; readonly withheld: readonly WithheldFile[] } {
  const offered: OfferedFile[] = []
  const withheld: WithheldFile[] = []
  const isOwn = ownFiles(facts.project)
  const byRules = fileJudge({ ...facts, files })
  for (const file of files) {
    const verdict = judge(file, facts, isOwn, byRules, defences)
    if ('trust' in verdict) offered.push(verdict)
    else withheld.push({ filename: file.filename, ...verdict })
  }
  return { offered, withheld }
}

function judge(
  file: SimpleFile,
  facts: NameFacts,
  isOwn: (filename: string) => boolean,
  byRules: ReturnType<typeof fileJudge>,
  defences: Defences,
): OfferedFile | Omit<WithheldFile, 'filename'> {
  const { project, rules, developers, pinned } = facts
  const { filename, sha256 } = file
  // attacks.md API-STATUS: clients do not look at it.
  if (facts.quarantined !== undefined && defences.has('status')) {
    return { code: 'name-refused', reason: `${project} is quarantined: ${facts.quarantined}.` }
  }
  if (facts.wheelsOnly && !filename.endsWith('.whl')) {
    return {
      code: 'source-archive',
      reason: 'It is a source archive, whose building runs its code, and --wheels-only keeps these back.',
    }
  }
  // attacks.md HASH-NONE: what has no hash cannot be told from anything else.
  if (sha256 === undefined) return { code: 'file-unverified', reason: 'The page gives no sha256 for it.' }
  const known: HashedFile = { ...file, sha256 }
  // attacks.md WSI-1, API-NAME
  if (defences.has('name-check') && !isOwn(filename)) {
    return { code: 'file-unverified', reason: `It is no wheel or source archive of ${project}.` }
  }
  const since = pinned.get(filename)
  if (defences.has('pins') && since !== undefined && since.sha256 !== sha256) {
    const day = new Date(since.since * 1000).toISOString().slice(0, 10)
    const reason = `It had the sha256 ${since.sha256} when this guard first saw it (${day}), and has ${sha256} now. A file never changes: ask whoever runs the index. If they replaced it on purpose: waxseal trust forget ${project}`
    return { code: 'file-changed', reason }
  }
  const refusal = byRules(known, since?.sha256 === sha256)
  if (refusal !== undefined) return refusal
  // A seal on the very bytes is as good as their developers'.
  const isSealed = rules.sealed && rules.vouched.get(filename) === sha256
  if (
    developers !== undefined &&
    !isSealed &&
    defences.has('developer-keys') &&
    developers.get(filename)?.sha256 !== sha256
  ) {
    return { code: 'file-unverified', reason: `The developers of ${project} did not sign it.` }
  }
  return { file: known, ...trustOf(known, facts) }
}

/** How far a file is vouched for that may be handed on. */
export function trustOf(
  { filename, sha256 }: { readonly filename: string; readonly sha256: string },
  { rules, developers, pinned, now }: Pick<NameFacts, 'rules' | 'developers' | 'pinned' | 'now'>,
): Omit<OfferedFile, 'file'> {
  if (rules.sealed && rules.vouched.get(filename) === sha256) return { trust: 'sealed' }
  if (developers?.get(filename)?.sealed === true) return { trust: 'sealed' }
  const pin = pinned.get(filename)
  const isPinned = pin?.sha256 === sha256 && now - pin.since * 1000 >= PINNED_AFTER_MS
  return isPinned ? { trust: 'pinned', since: pin.since } : { trust: 'signed' }
}

/** Tells the files of a project by their names: pages have thousands that begin alike, and few that do not. */
function ownFiles(project: string): (filename: string) => boolean {
  const prefixes = new Map<string, boolean>()
  return (filename) => {
    const prefix = filename.slice(0, filename.indexOf('-'))
    const parts = filename.split('-').length
    // PEP 427: name, version, perhaps a build, Python, ABI, platform.
    if (!filename.endsWith('.whl') || parts < 5 || parts > 6)
      return classifyDistribution(filename, project) !== undefined
    let isOwn = prefixes.get(prefix)
    if (isOwn === undefined) {
      isOwn = normalizeProjectName(prefix) === project
      prefixes.set(prefix, isOwn)
    }
    return isOwn
  }
}
