import type { ChangedTarget } from '@waxseal/trust'
import type { SignedDefault, Unclaimed, UnclaimedRule } from './default-policy.ts'
import { readDefaultPolicy } from './default-policy.ts'
import type { MergeRule } from './merge-rule.ts'
import type { NameRecord } from './name-record.ts'
import { readNameRecord } from './name-record.ts'
import type { Namespace, NamespaceList } from './namespaces.ts'
import { readNamespaceList } from './namespaces.ts'
import { DEFAULT_TARGET, NAMESPACES_TARGET, recordTarget } from './signed-paths.ts'

const RECORD_PATH = /^names\/[0-9a-f]{2}\/([^/]+)\.json$/

/**
 * What a holder is told of a record or a policy before signing it, line by line: from the documents alone. What opens, so that
 * something may be accepted afterwards that was not before, says so in capitals. Undefined: it is neither.
 */
export function describeNameTarget(target: ChangedTarget): readonly string[] | undefined {
  const { path } = target
  const name = RECORD_PATH.exec(path)?.[1]
  if (name !== undefined && recordTarget(name) === path) {
    return words(target, (bytes) => readNameRecord(name, bytes), recordWords)
  }
  if (path === NAMESPACES_TARGET) return words(target, readNamespaceList, namespacesWords)
  if (path === DEFAULT_TARGET) return words(target, readDefaultPolicy, defaultWords)
  return undefined
}

/** What a document said before: `nothing`, where there was none, or what nobody can tell. */
type Before<T> = T | 'nothing' | 'unknown'

function words<T extends { readonly rev: number }>(
  { after, before, isNew }: ChangedTarget,
  read: (bytes: Uint8Array) => T,
  tell: (after: T | undefined, before: Before<T>) => readonly string[],
): readonly string[] {
  let now: T | undefined
  let old: Before<T>
  try {
    now = after && read(after)
    old = before === undefined ? (isNew ? 'nothing' : 'unknown') : read(before)
  } catch {
    return ['WARNING: what stands in it cannot be read, and no guard would take it. Do not sign this.']
  }
  const hidden =
    old === 'unknown'
      ? ['WARNING: it takes the place of another that is not in this request: what it OPENS cannot be told.']
      : []
  const isBack = now !== undefined && typeof old === 'object' && now.rev <= old.rev
  const backwards = isBack
    ? [`WARNING: its revision is ${now?.rev}, not above the one before. No guard would take it.`]
    : []
  return [...hidden, ...backwards, ...tell(now, old)]
}

function recordWords(after: NameRecord | undefined, before: Before<NameRecord>): readonly string[] {
  const old = typeof before === 'object' ? before : undefined
  if (after === undefined) {
    return [`${old?.name}: OPENS: it is SEALED NO MORE, and whatever the server claims about it holds.`]
  }
  const { name, files, closed, since, by, rev } = after
  const becomes = before === 'nothing' ? 'CLAIMED becomes SEALED' : 'SEALED anew'
  const count = files?.size ?? 0
  const frozen = files === undefined ? '' : `; ${count} file${count === 1 ? '' : 's'} frozen`
  const others = closed ? ', and no other is offered' : files === undefined ? '' : ', and others may be offered'
  const reason = after.reason === undefined ? '' : `: ${quoted(after.reason)}`
  return [
    `${name}: ${becomes}; ${authorityWords(after)}${frozen}${others}.`,
    ...sourceWords(after),
    ...openings(after, old).map((opening) => `${name}: OPENS: ${opening}.`),
    ...closings(after, old).map((closing) => `${name}: ${closing}.`),
    ...fileWords(files, old?.files),
    `Decision ${rev} about it, by ${plain(by)} at ${since}${reason}.`,
  ]
}

/** What a seal does not say: pages tell where a file comes from, and the server signs them. */
function sourceWords({ name, authority, closed, sources }: NameRecord): readonly string[] {
  if (closed || sources.length === 0 || authority === 'internal' || authority === 'unclaimed') return []
  const from = sources.map(plain).join(', ')
  return [`${name}: of files that are not frozen, the server says which come from ${from}.`]
}

function authorityWords({ authority, sources, merge }: NameRecord): string {
  if (merge !== undefined) return `merged: ${mergeWords(merge)}`
  if (authority !== 'upstream') return authority
  return sources.length === 0
    ? 'of an upstream that may not answer'
    : `of the upstream ${sources.map(plain).join(', ')}`
}

function mergeWords({ owner, extender, extend, versions, newer, consent }: MergeRule): string {
  const how = [extend, ...(versions === undefined ? [] : [quoted(versions)]), ...(newer === undefined ? [] : [newer])]
  return `it belongs to ${plain(owner)}, and ${plain(extender)} may add to it (${how.join(', ')}; agreed by ${plain(consent)})`
}

function openings(after: NameRecord, before: NameRecord | undefined): readonly string[] {
  const lifts = after.lifts.filter((n) => before?.lifts.includes(n) !== true).map((n) => `lift of denial ${n}`)
  if (before === undefined) return lifts
  const merge = after.merge && mergeWords(after.merge)
  return [
    ...(after.authority === before.authority ? [] : [`${before.authority} before, ${after.authority} now`]),
    ...after.sources.filter((one) => !before.sources.includes(one)).map((one) => `files may come from ${plain(one)}`),
    ...(merge === undefined || merge === (before.merge && mergeWords(before.merge)) ? [] : [`the merge is another`]),
    ...(before.closed && !after.closed ? ['files may be offered that are not frozen'] : []),
    ...lifts,
    ...Array.from(after.files ?? []).flatMap(([filename, sha256]) => {
      const old = before.files?.get(filename)
      return old === undefined || old === sha256 ? [] : [`${plain(filename)} has the sha256 ${sha256}, before ${old}`]
    }),
  ]
}

function closings(after: NameRecord, before: NameRecord | undefined): readonly string[] {
  if (before === undefined) return []
  return [
    ...before.sources.filter((one) => !after.sources.includes(one)).map((one) => `NO MORE files from ${plain(one)}`),
    ...(after.closed && !before.closed ? ['nothing but the frozen files is offered from now on'] : []),
    ...before.lifts.filter((n) => !after.lifts.includes(n)).map((n) => `denial ${n} stands again`),
  ]
}

function fileWords(
  files: ReadonlyMap<string, string> = new Map(),
  before: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  const added = [...files].filter(([filename]) => !before.has(filename))
  const gone = [...before.keys()].filter((filename) => !files.has(filename))
  return [
    ...added.map(([filename, sha256]) => `NEW FILE ${plain(filename)}, sha256 ${sha256}`),
    ...gone.map((filename) => `${plain(filename)} is frozen NO MORE`),
  ]
}

function namespacesWords(after: NamespaceList | undefined, before: Before<NamespaceList>): readonly string[] {
  const old = new Map((typeof before === 'object' ? before.namespaces : []).map((one) => [one.name, one]))
  const now = new Map((after?.namespaces ?? []).map((one) => [one.name, one]))
  const changed = [...now.values()].flatMap((one) => {
    const was = old.get(one.name)
    const said = namespaceWords(one)
    if (was === undefined) return [`namespace ${one.name} is ${said}`]
    if (namespaceWords(was) === said) return []
    const opens = was.claims === 'offline' && one.claims === 'online' ? 'OPENS' : 'CHANGES'
    return [`namespace ${one.name} ${opens}: it is ${said}; before, it was ${namespaceWords(was)}`]
  })
  const gone = [...old.keys()].filter((name) => !now.has(name))
  return [
    ...gone.map((name) => `OPENS: namespace ${name} is granted NO MORE: others may answer for names under it`),
    ...changed,
    `${now.size} namespace${now.size === 1 ? '' : 's'} in all.`,
  ]
}

function namespaceWords({ owner, visibility, claims }: Namespace): string {
  const need = claims === 'offline' ? 'names under it need a seal' : 'names under it need NO seal'
  return `granted to ${plain(owner)}, ${visibility}, ${need}`
}

function defaultWords(after: SignedDefault | undefined, before: Before<SignedDefault>): readonly string[] {
  if (after === undefined)
    return ['OPENS: there is NO default any more: upstreams answer for names that nobody claimed.']
  const old = typeof before === 'object' ? before : undefined
  const told: readonly (readonly [string, string | undefined, boolean])[] = [
    [rulesWords(after), old && rulesWords(old), isLaxer(after.unclaimed, old?.unclaimed ?? [])],
    [cooldownWords(after), old && cooldownWords(old), after.cooldown < (old?.cooldown ?? 0)],
    [approvalsWords(after), old && approvalsWords(old), after.approvals < (old?.approvals ?? 0)],
  ]
  return told.map(([now, was, opens]) => {
    if (was === undefined || was === now) return `${now}.`
    return `${opens ? 'OPENS' : 'CHANGES'}: ${now}; before, ${was}.`
  })
}

const STRICTNESS: Readonly<Record<Unclaimed, number>> = { open: 0, approve: 1, deny: 2 }

/** Whether a rule of before is less strict now, or not what decides first any more. */
function isLaxer(after: readonly UnclaimedRule[], before: readonly UnclaimedRule[]): boolean {
  return before.some(({ pattern, mode }, at) => {
    const place = after.findIndex((one) => one.pattern === pattern)
    const now = STRICTNESS[after[place]?.mode ?? 'open']
    const overtaken = after.slice(0, Math.max(place, 0)).some((one) => {
      return STRICTNESS[one.mode] < STRICTNESS[mode] && !before.slice(0, at).some((old) => old.pattern === one.pattern)
    })
    return now < STRICTNESS[mode] || overtaken
  })
}

function rulesWords({ unclaimed }: SignedDefault): string {
  const rules = unclaimed.map(({ pattern, mode }) => `${pattern}: ${mode}`)
  return `names that nobody claimed: ${[...rules, 'all others: open'].join(', ')}`
}

function cooldownWords({ cooldown }: SignedDefault): string {
  return cooldown === 0
    ? 'files of upstreams may be of any age'
    : `files of upstreams have to be ${cooldown / 86_400} days old`
}

function approvalsWords({ approvals }: SignedDefault): string {
  return `where files need an approval, ${approvals} ${approvals === 1 ? 'person gives' : 'people give'} it`
}

/** A text from outside as it is where it can be nothing but a word, else in quotes. */
function plain(text: string): string {
  return /^[\w.+!@:-]{1,255}$/.test(text) ? text : quoted(text)
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
