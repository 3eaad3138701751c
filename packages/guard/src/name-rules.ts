import { denialOfName, LOCAL_SOURCE, OPEN_DEFAULT, ruleFor } from '@waxseal/index/names'
import type { DefaultPolicy, Denial, MergeRule, Namespace, NameRecord, Namespaces } from '@waxseal/index/names'
import type { GuardErrorCode } from './error.ts'

/** All that is signed, or was seen, about a name beside its page. */
export interface NameEvidence {
  readonly project: string
  readonly record: NameRecord | undefined
  /** Whether keys that the server does not hold vouch for the record. */
  readonly sealed: boolean
  readonly namespaces: Namespaces
  /** Undefined: holders have not decided anything. */
  readonly defaults: DefaultPolicy | undefined
  /** What is denied of it now. */
  readonly denials: readonly Denial[]
  /** Whether this index signs what is decided about names, as far as this guard has ever seen. */
  readonly isGoverned: boolean
}

/** What decides about a name: the first of these that there is (design.md section 10). */
export type DecidingRule = 'denied' | 'sealed-record' | 'claimed-record' | 'namespace' | 'default' | 'none'

/**
 * Where files may come from: these sources; `upstreams`, which is any but the index itself; `unsaid`, which is any as long as the
 * page says nothing of sources, and upstreams where it does; or any.
 */
export type AllowedSources = readonly string[] | 'upstreams' | 'unsaid' | 'any'

/** What holds for each file of a name. */
export interface FileRules {
  readonly sources: AllowedSources
  /** The record's own files by name: their sha256. */
  readonly vouched: ReadonlyMap<string, string>
  /** Whether a seal stands behind those. */
  readonly sealed: boolean
  /**
   * Nothing but those may be handed on: because the record says so, or because each needs an approval, which of a merged name the
   * files of its upstream alone do.
   */
  readonly closed: 'by-record' | 'until-approved' | undefined
  readonly merge: MergeRule | undefined
  /** How old a file of an upstream has to be, in seconds. */
  readonly cooldown: number
  readonly denials: readonly Denial[]
}

export interface NameVerdict {
  readonly rule: DecidingRule
  /** Why nothing of the name is handed on, and what to do next. */
  readonly refusal?: { readonly code: GuardErrorCode; readonly reason: string }
  readonly files: FileRules
}

const NO_FILES: ReadonlyMap<string, string> = new Map()

/** What holds where nothing is decided. */
export const NO_FILE_RULES: FileRules = {
  sources: 'any',
  vouched: NO_FILES,
  sealed: false,
  closed: undefined,
  merge: undefined,
  cooldown: 0,
  denials: [],
}

/**
 * Decides what of a name may be handed on: its sealed record, else its claimed one, else the namespace that covers it, else the default;
 * and over all of them what is denied. What the server alone says never opens what holders closed (attacks.md KC-3).
 */
export function judgeName(evidence: NameEvidence): NameVerdict {
  const { project, record, sealed, namespaces, denials } = evidence
  const denial = denialOfName(denials)
  if (denial !== undefined) return refuse('denied', 'denied', denialText(denial))
  const claimed = record === undefined || record.authority === 'unclaimed' ? undefined : record
  const namespace = namespaces.covering(project)
  if (namespace !== undefined && !sealed) {
    const reason = closedByNamespace(project, namespace, claimed)
    if (reason !== undefined) return refuse('namespace', 'name-refused', reason)
  }
  if (claimed === undefined) return judgeUnclaimed(evidence)
  const { sources, merge, closed, authority } = claimed
  const { mode, cooldown } = defaultFor(evidence)
  // Holders have said what files of upstreams need; only holders say otherwise.
  const needsApproval = authority !== 'internal' && !sealed && mode === 'approve'
  return {
    rule: sealed ? 'sealed-record' : 'claimed-record',
    files: {
      sources: namespace !== undefined && !sealed ? sources.filter((source) => source === LOCAL_SOURCE) : sources,
      vouched: claimed.files ?? NO_FILES,
      sealed,
      closed: closedBy(closed, authority, needsApproval),
      merge,
      // A merge is a statement about the two sources, and stands, once holders have made it.
      cooldown: merge !== undefined && sealed ? 0 : cooldown,
      denials,
    },
  }
}

/** Nobody has claimed it; a record may still list what was approved, and lift what was denied. */
function judgeUnclaimed(evidence: NameEvidence): NameVerdict {
  const { project, record, sealed, denials, isGoverned, defaults } = evidence
  const { mode, pattern, cooldown } = defaultFor(evidence)
  const recorded = sealed ? 'sealed-record' : 'claimed-record'
  const rule = record !== undefined ? recorded : defaults !== undefined ? 'default' : 'none'
  const vouched = record?.files ?? NO_FILES
  if (mode === 'deny' && !sealed) {
    const reason = `Nobody has claimed ${project}, and whoever holds the index's keys lets nothing through for such names (${pattern}: deny). Ask for it: waxseal request ${project}`
    return refuse('default', 'name-refused', reason)
  }
  if (mode === 'approve' && vouched.size === 0) {
    const reason = `Nobody has claimed ${project}, and files of such names need an approval each (${pattern}: approve); none has one. Ask for it: waxseal request ${project}`
    return refuse('default', 'name-refused', reason)
  }
  const named = record === undefined || record.sources.length === 0 ? undefined : record.sources
  return {
    rule,
    files: {
      sources: named ?? (isGoverned ? 'upstreams' : 'unsaid'),
      vouched,
      sealed,
      closed: closedBy(record?.closed === true, 'unclaimed', mode === 'approve'),
      merge: undefined,
      cooldown,
      denials,
    },
  }
}

function closedByNamespace(
  project: string,
  { name, owner, claims }: Namespace,
  claimed: NameRecord | undefined,
): string | undefined {
  const whose = `the namespace ${name} of ${owner}`
  if (claimed === undefined) {
    return `${project} is reserved: it belongs to ${whose}, and nobody has claimed it there. Nothing of it is handed on, wherever it comes from. To claim it, beside the index: waxseal project claim ${project}`
  }
  if (claims === 'online') return undefined
  return `${project} is claimed but not sealed: names of ${whose} count once their holders have sealed them, and this one has the word of the server alone. Ask a holder to run waxseal seal.`
}

function defaultFor({ project, defaults = OPEN_DEFAULT }: NameEvidence): {
  readonly mode: 'open' | 'approve' | 'deny'
  readonly pattern: string
  readonly cooldown: number
} {
  const rule = ruleFor(project, defaults)
  return { mode: rule?.mode ?? 'open', pattern: rule?.pattern ?? '*', cooldown: defaults.cooldown }
}

function closedBy(closed: boolean, authority: NameRecord['authority'], needsApproval: boolean): FileRules['closed'] {
  if (!closed) return needsApproval ? 'until-approved' : undefined
  return authority === 'upstream' || authority === 'unclaimed' ? 'until-approved' : 'by-record'
}

function refuse(rule: DecidingRule, code: GuardErrorCode, reason: string): NameVerdict {
  return { rule, refusal: { code, reason }, files: NO_FILE_RULES }
}

/** A denial for people: what, why, since when, until when, and what to do. */
export function denialText({ n, project, version, sha256, overlay, reason, since, until }: Denial): string {
  const what =
    sha256 !== undefined ? `This file of ${project}` : version === undefined ? project : `${project} ${version}`
  const end = until === undefined ? '' : ` until ${until.slice(0, 16).replace('T', ' ')} UTC`
  const next = version === undefined && sha256 === undefined ? 'Nothing of it is handed on' : 'Use another version'
  return `${what} is ${overlay} since ${since.slice(0, 10)}${end} (denial ${n}): ${reason}. ${next}, until the record of the name lifts it.`
}
