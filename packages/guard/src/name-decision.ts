import { hash } from 'node:crypto'
import { Namespaces } from '@waxseal/index/names'
import type { NameRecord } from '@waxseal/index/names'
import type { Defences } from './defences.ts'
import type { DenyLists } from './deny-lists.ts'
import type { GuardError } from './error.ts'
import { isBehind, wentBack } from './failures.ts'
import { NO_RECORD_SEEN } from './pins.ts'
import type { SeenRecord } from './pins.ts'
import { judgeName, NO_FILE_RULES } from './name-rules.ts'
import type { NameVerdict } from './name-rules.ts'
import type { SeenDecisions } from './seen-decisions.ts'
import type { DocumentSource } from './signed-document.ts'
import { lookUpName } from './signed-names.ts'
import type { SignedName } from './signed-names.ts'
import type { PolicyReader, SignedPolicy } from './signed-policy.ts'
import type { SignedState } from './signed-state.ts'

/** Where decisions about names are had from. */
export interface DecisionParts extends DocumentSource {
  readonly state: SignedState
  readonly seen: SeenDecisions
  readonly policies: PolicyReader
  readonly denyLists: DenyLists
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly defences: Defences
}

/** What was looked up before, and in which snapshot; it counts as long as that is the newest. */
export interface LookedUp {
  readonly snapshot: number | undefined
  readonly name: SignedName | undefined
}

/** What is decided about a name, by whom, and what follows for its files. */
export interface NameDecision {
  readonly project: string
  readonly record: NameRecord | undefined
  readonly sealed: boolean
  readonly hasDevelopers: boolean
  /** What of this is never gone back behind. */
  readonly seen: SeenRecord
  readonly verdict: NameVerdict
  /** What is odd about it, for people. */
  readonly notes: readonly string[]
  /** By which moment, in milliseconds since 1970. */
  readonly now: number
  /** Of all that went into it: with the same, the same page gives the same files. */
  readonly key: string
}

/** Of the rules that pages are made by: with others, what was made before is not handed on. Raised with every change of them. */
const RULES = '3'
const NO_POLICY: SignedPolicy = { namespaces: new Namespaces(), defaults: undefined, key: '' }

/**
 * Decides about a name from what is signed and from what was seen before: `before`, of its record.
 * @throws GuardError `name-refused` where what is signed contradicts itself or goes back; whatever looking it up throws
 */
export async function decideName(
  parts: DecisionParts,
  project: string,
  before: SeenRecord,
  looked?: LookedUp,
): Promise<NameDecision> {
  try {
    return await decide(parts, project, before, looked)
  } catch (error) {
    if (!isBehind(error)) throw error
    // Another guard on the same state may have seen more than this one has.
    await parts.state.refresh()
    return await decide(parts, project, before)
  }
}

async function decide(
  parts: DecisionParts,
  project: string,
  before: SeenRecord,
  looked?: LookedUp,
): Promise<NameDecision> {
  const { defences, denyLists, policies, seen, state } = parts
  // An index that has signed something knows what time it is at least (attacks.md FZ-TS).
  const now = Math.max(parts.now(), state.issued)
  const isCurrent = looked?.name !== undefined && looked.snapshot === parts.client.snapshot
  const name = isCurrent ? looked.name : await lookUpName(parts, project)
  const hasRules = defences.has('name-rules')
  const record = hasRules ? name.record?.content : undefined
  if (hasRules) checkNotBehind(project, record, name, before)
  const policy = hasRules ? await policies.policy() : NO_POLICY
  if ((record !== undefined || policy.key !== '') && !seen.isGoverned) seen.noteGoverned()
  const { isGoverned } = seen
  const { standing, vanished } = defences.has('deny-list')
    ? await denyLists.standing(project, { lifts: record?.lifts ?? [], sealed: name.sealed }, now)
    : { standing: [], vanished: [] }
  const { namespaces, defaults } = policy
  const judged = judgeName({
    project,
    record,
    sealed: name.sealed,
    namespaces,
    defaults,
    denials: standing,
    isGoverned,
  })
  const verdict: NameVerdict = hasRules ? judged : { ...judged, files: { ...judged.files, sources: 'any' } }
  const notes = vanished.map(
    ({ n }) =>
      `Denial ${n} of ${project} stands in the index's list no more, and no record has lifted it: it holds here as before. Where whoever runs the index says that it was not theirs: waxseal trust forget ${project} --denial ${n}`,
  )
  const evidence = [RULES, name.record?.sha256 ?? '', name.sealed, policy.key, standing, isGoverned]
  return {
    project,
    record,
    sealed: name.sealed,
    hasDevelopers: name.hasDevelopers,
    seen: seenNow(record, name, before),
    verdict,
    notes: [...name.notes, ...notes],
    now,
    key: hash('sha256', JSON.stringify(evidence)),
  }
}

/** Of a name about which nothing signed is believed. */
export function undecided(project: string, now: number): NameDecision {
  const verdict = { rule: 'none', files: NO_FILE_RULES } as const
  const nothing = { record: undefined, sealed: false, hasDevelopers: false, seen: NO_RECORD_SEEN }
  return { project, ...nothing, verdict, notes: [], now, key: '' }
}

/**
 * attacks.md RB-POL: an older decision about a name never comes back. What holders sealed is above all that the server claimed; that
 * they seal it no more, or again, is theirs to say, in a newer version of their shard.
 */
function checkNotBehind(
  project: string,
  record: NameRecord | undefined,
  { sealed, shard }: SignedName,
  before: SeenRecord,
): void {
  if (before.shard > 0 && before.sealed !== sealed && shard <= before.shard) {
    const how = sealed
      ? 'an older seal, which its holders had taken away when this guard saw it'
      : `${record === undefined ? 'no record' : 'the word of the server alone'} now, and was sealed when this guard saw it: its holders have signed nothing since that would take the seal away`
    throw behind(project, `${project} has ${how}.`)
  }
  const seen = sealed ? before.sealedRev : Math.max(before.rev, before.sealedRev)
  if (seen <= (record?.rev ?? 0)) return
  const now = record === undefined ? 'is gone' : `is at ${record.rev}`
  throw behind(project, `The record of ${project} was at revision ${seen} when this guard saw it, and ${now} now.`)
}

function behind(project: string, what: string): GuardError {
  return wentBack(
    `${what} Nothing of it is handed on. Ask whoever runs the index; if that is as they want it: waxseal trust forget ${project}`,
    { project },
  )
}

/** What is seen of a record now, beside what was seen before. */
function seenNow(record: NameRecord | undefined, { sealed, shard }: SignedName, before: SeenRecord): SeenRecord {
  const rev = record?.rev ?? 0
  const { shard: known } = before
  return {
    // A seal is above whatever was claimed before, and what is claimed once it was opened need only be above the seal.
    rev: sealed ? 0 : Math.max(before.rev, rev),
    sealedRev: sealed ? Math.max(before.sealedRev, rev) : before.sealedRev,
    // Of a name that nobody has sealed yet there is nothing to go back behind.
    shard: sealed || known > 0 ? Math.max(known, shard) : 0,
    sealed,
  }
}
