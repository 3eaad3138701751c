import { classifyDistribution } from '@waxseal/packaging'
import type { SimpleFile } from '@waxseal/packaging'
import { denialOfFile, judgeMerged, LOCAL_SOURCE } from '@waxseal/index/names'
import type { MergedFile, MergeVerdict } from '@waxseal/index/names'
import { denialText } from './name-rules.ts'
import type { FileRules } from './name-rules.ts'
import type { WithheldFile } from './verified-page.ts'

/** Why a file is kept back; undefined: as far as these rules go, it is not. */
export type FileRefusal = Omit<WithheldFile, 'filename'> | undefined

/** A file with the hash that it is known by. */
export type HashedFile = SimpleFile & { readonly sha256: string }

export interface RuledPage {
  readonly project: string
  readonly files: readonly SimpleFile[]
  /** Where files come from that do not say another source themselves; undefined: the page does not say. */
  readonly source: string | undefined
  readonly rules: FileRules
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Holds the files of a page against what is decided about its name: what is returned judges one of them. */
export function fileJudge(page: RuledPage): (file: HashedFile, isPinned: boolean) => FileRefusal {
  const { project, rules } = page
  const isSaid = page.source !== undefined || page.files.some(({ extra }) => extra?.['_source'] !== undefined)
  const merged = mergeVerdicts(page)
  return (file, isPinned) => {
    const vouched = rules.vouched.get(file.filename)
    const isVouched = vouched === file.sha256
    return (
      denied(file, project, rules) ??
      vouchedOtherwise(file, project, vouched) ??
      fromElsewhere(sourceOf(file, page.source), project, rules, isSaid) ??
      (isVouched ? undefined : notListed(file, sourceOf(file, page.source), page)) ??
      mergedOut(merged?.get(file.filename)) ??
      (isVouched || isPinned ? undefined : tooYoung(file, sourceOf(file, page.source), page))
    )
  }
}

/** attacks.md API-STATUS: by name, release or bytes, wherever the page says they are. */
function denied(file: HashedFile, project: string, { denials }: FileRules): FileRefusal {
  if (denials.length === 0) return undefined
  const denial = denialOfFile(denials, { version: versionOf(file.filename, project), sha256: file.sha256 })
  return denial === undefined ? undefined : { code: 'denied', reason: denialText(denial) }
}

function vouchedOtherwise({ sha256 }: HashedFile, project: string, vouched: string | undefined): FileRefusal {
  if (vouched === undefined || vouched === sha256) return undefined
  return {
    code: 'file-unverified',
    reason: `The record of ${project} says that it has the sha256 ${vouched}, and the page says ${sha256}. Ask whoever runs the index.`,
  }
}

function fromElsewhere(
  source: string | undefined,
  project: string,
  { sources }: FileRules,
  isSaid: boolean,
): FileRefusal {
  if (sources === 'any' || (sources === 'unsaid' && !isSaid)) return undefined
  if (source === undefined) {
    return {
      code: 'file-unverified',
      reason: `The page does not say where it comes from, and for ${project} that decides.`,
    }
  }
  if (typeof sources !== 'string') {
    if (sources.includes(source)) return undefined
    const reason = `It comes from ${source.slice(0, MAX_SOURCE)}, and the record of ${project} does not allow that.`
    return { code: 'file-unverified', reason }
  }
  if (source !== LOCAL_SOURCE) return undefined
  const reason = `It was uploaded to the index itself, and nobody has claimed ${project} there: no record says that it may be. Ask whoever runs the index.`
  return { code: 'file-unverified', reason }
}

function notListed(
  { filename }: HashedFile,
  source: string | undefined,
  { project, rules: { closed, merge } }: RuledPage,
): FileRefusal {
  switch (closed) {
    case undefined:
      return undefined
    case 'by-record':
      return {
        code: 'file-unverified',
        reason: `The record of ${project} is closed: it lists the files that may be handed on, and this is none of them. A holder of the index's keys adds it with waxseal seal.`,
      }
    case 'until-approved': {
      if (merge !== undefined && source === LOCAL_SOURCE) return undefined
      const way =
        merge === undefined ? `Ask for it: waxseal request ${project}==${versionOf(filename, project)}` : SEAL_THE_MERGE
      const reason = `Files of ${project} need an approval each, and this one has none. ${way}`
      return { code: 'file-unapproved', reason }
    }
  }
}

const MERGE_WORDS: Readonly<Record<Exclude<MergeVerdict, 'offered'>, string>> = {
  'merge-conflict': 'The owner of this name has other bytes under this file name.',
  'merge-metadata-differs':
    "It says other things about its release than the owner's files do, or does not say what it says.",
  'merge-not-allowed': 'The merge of this name does not let its source add such a file.',
  'merge-same': "It is the owner's file, which is offered.",
  'merge-held': 'It is newer than what was patched here, and is kept back until it is patched too.',
}

function mergedOut(verdict: MergeVerdict | undefined): FileRefusal {
  if (verdict === undefined || verdict === 'offered') return undefined
  return { code: 'file-unverified', reason: MERGE_WORDS[verdict] }
}

function mergeVerdicts({
  rules: { merge },
  files,
  project,
  source,
}: RuledPage): ReadonlyMap<string, MergeVerdict> | undefined {
  if (merge === undefined) return undefined
  const merged = files.map((file): MergedFile => {
    const { filename, sha256 = null, coreMetadata } = file
    return {
      source: sourceOf(file, source) ?? '',
      filename,
      version: versionOf(filename, project),
      kind: filename.endsWith('.whl') ? 'wheel' : 'sdist',
      sha256,
      metadataSha256: typeof coreMetadata === 'object' ? coreMetadata.sha256 : null,
    }
  })
  const verdicts = judgeMerged(merge, merged)
  return new Map(merged.map((file) => [file.filename, verdicts.get(file) ?? 'merge-not-allowed']))
}

/** Design.md section 8: what is not known to be old is not. */
function tooYoung(
  { filename, uploadTime }: HashedFile,
  source: string | undefined,
  { project, rules: { cooldown, merge }, now }: RuledPage,
): FileRefusal {
  if (cooldown === 0 || source === LOCAL_SOURCE) return undefined
  const eligible = Date.parse(uploadTime ?? '') + cooldown * 1000
  if (eligible <= now) return undefined
  const age = cooldown % DAY_S === 0 ? `${cooldown / DAY_S} days` : `${Math.ceil(cooldown / HOUR_S)} hours`
  const reason = Number.isNaN(eligible)
    ? `How old it is is not known, and files of upstreams have to be ${age} old here.`
    : `It is kept back until ${new Date(eligible).toISOString().slice(0, 16).replace('T', ' ')} UTC: files of upstreams have to be ${age} old here.`
  const way =
    merge === undefined
      ? `Use an older version, or ask for this one: waxseal request ${project}==${versionOf(filename, project)}`
      : SEAL_THE_MERGE
  return { code: 'file-cooldown', reason: `${reason} ${way}` }
}

const SEAL_THE_MERGE = 'The merge of this name counts more once it is sealed: ask a holder to run waxseal seal.'

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S
/** How much of a source's name is shown. */
const MAX_SOURCE = 60

function sourceOf({ extra }: SimpleFile, ofPage: string | undefined): string | undefined {
  const own = extra?.['_source']
  if (own === undefined) return ofPage
  return typeof own === 'string' ? own : undefined
}

function versionOf(filename: string, project: string): string {
  return classifyDistribution(filename, project)?.version ?? ''
}
