import { classifyDistribution } from '@waxseal/packaging'
import type { SimpleFile } from '@waxseal/packaging'
import type { Defences } from './defences.ts'
import type { NameRecord } from './name-record.ts'
import type { Pinned } from './pins.ts'
import type { FileTrust, WithheldFile } from './verified-page.ts'

/** What is known, from signed data and from what was seen before, about a name whose page has been verified. */
export interface NameFacts {
  readonly project: string
  readonly record: NameRecord | undefined
  /** Files under the developers' own keys, by name; undefined: the project has no such keys. */
  readonly developers: ReadonlyMap<string, { readonly sha256: string; readonly sealed: boolean }> | undefined
  readonly pinned: Pinned | undefined
}

/** A file that may be handed on, and how far it is vouched for. */
export interface OfferedFile {
  readonly file: SimpleFile & { readonly sha256: string }
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
  for (const file of files) {
    const verdict = judge(file, facts, defences)
    if ('trust' in verdict) offered.push(verdict)
    else withheld.push({ filename: file.filename, ...verdict })
  }
  return { offered, withheld }
}

function judge(
  file: SimpleFile,
  { project, record, developers, pinned }: NameFacts,
  defences: Defences,
): OfferedFile | Omit<WithheldFile, 'filename'> {
  const { filename, sha256 } = file
  // attacks.md HASH-NONE: what has no hash cannot be told from anything else.
  if (sha256 === undefined) return { code: 'file-unverified', reason: 'The page gives no sha256 for it.' }
  const known: SimpleFile & { readonly sha256: string } = { ...file, sha256 }
  // attacks.md WSI-1, API-NAME
  if (defences.has('name-check') && classifyDistribution(filename, project) === undefined) {
    return { code: 'file-unverified', reason: `It is no wheel or source archive of ${project}.` }
  }
  const since = pinned?.files.get(filename)
  if (defences.has('pins') && since !== undefined && since.sha256 !== sha256) {
    const day = new Date(since.since * 1000).toISOString().slice(0, 10)
    const reason = `It had the sha256 ${since.sha256} when this guard first saw it (${day}), and has ${sha256} now. A file never changes: ask whoever runs the index. If they replaced it on purpose: waxseal trust forget ${project}`
    return { code: 'file-changed', reason }
  }
  const source = file.extra?.['_source']
  if (record !== undefined && !(typeof source === 'string' && record.sources.includes(source))) {
    const from = typeof source === 'string' ? `from ${source.slice(0, 60)}` : 'from nowhere that it names'
    return { code: 'file-unverified', reason: `It comes ${from}, and the record of ${project} does not allow that.` }
  }
  const vouched = developers?.get(filename)
  if (developers !== undefined && defences.has('developer-keys') && vouched?.sha256 !== sha256) {
    return { code: 'file-unverified', reason: `The developers of ${project} did not sign it.` }
  }
  if (vouched?.sealed === true) return { file: known, trust: 'sealed' }
  return since?.sha256 === sha256
    ? { file: known, trust: 'pinned', since: since.since }
    : { file: known, trust: 'signed' }
}
