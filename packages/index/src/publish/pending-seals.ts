import { parseJson } from '@waxseal/trust/documents'
import type { Kysely } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { MAX_SEAL_BYTES, MAX_SEAL_TARGETS, MAX_SEALED_DOCUMENT } from '../limits.ts'
import type { ClaimedName, NamesConfig } from '../names/authority.ts'
import { claimedName } from '../names/claimed-name.ts'
import { OPEN_DEFAULT, readDefaultPolicy, writeDefaultPolicy } from '../names/default-policy.ts'
import type { MergeRule } from '../names/merge-rule.ts'
import { readMergeRule, upstreamOf } from '../names/merge-rule.ts'
import type { NameRecord } from '../names/name-record.ts'
import { readNameRecord, writeNameRecord } from '../names/name-record.ts'
import { readNamespaceList, writeNamespaceList } from '../names/namespaces.ts'
import { recordOf } from '../names/record-of.ts'
import { DEFAULT_TARGET, NAMESPACES_TARGET, recordTarget, shardOf } from '../names/signed-paths.ts'
import { LOCAL_SOURCE } from '../names/local-source.ts'
import { judgeFiles } from '../releases/judge-files.ts'
import type { Database, ProjectRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { TargetWish } from './ceremony-wishes.ts'
import { projectsWithDevelopers } from './developers.ts'
import { readOffering } from './page-source.ts'

/** What is to be sealed; where nothing is said, everything that is pending. */
export interface SealSelection {
  /** Sealed again also where nothing but the history has changed. */
  readonly names?: readonly string[]
  /** The same of names that belong to an upstream: sealed is that they do, and what was approved. */
  readonly upstream?: readonly string[]
  /** Whose seals are taken away. */
  readonly open?: readonly string[]
  readonly namespaces?: boolean
  readonly defaults?: boolean
  /** Every name that is sealed, also where nothing has changed: after a backup was restored. */
  readonly again?: boolean
}

/** What a seal would bring out. */
export interface PendingSeals {
  readonly targets: readonly TargetWish[]
  /** How many more there are than one ceremony takes. */
  readonly left: number
  /** What cannot be sealed, and why. */
  readonly refused: readonly { readonly subject: string; readonly reason: string }[]
}

/** What is wished of one subject: nothing where it is as it is, or a sentence where it cannot be sealed. */
type Wish = TargetWish | string | undefined

/**
 * What a seal brings out, as everything is now. Policies come last: one that needs seals of names must not be out before they are.
 */
export async function pendingSeals(
  { store, clock, names }: { readonly store: Store; readonly clock: Clock; readonly names: NamesConfig },
  selection: SealSelection,
): Promise<PendingSeals> {
  await names.reload?.()
  return await store.consistently(async (db) => {
    const sealed = await signedBodies(db, 'sealed-%')
    const isAll = !Object.values(selection).some((one) => one === true || (Array.isArray(one) && one.length > 0))
    const asked = new Set([...(selection.names ?? []), ...(selection.upstream ?? [])])
    const wanted = new Set(asked)
    if (isAll) for (const name of await claimedNames(db)) wanted.add(name)
    if (isAll || selection.again === true) for (const path of sealed.keys()) wanted.add(projectIn(path))
    const context = { db, names, now: clock.now(), at: isoTime(clock), developers: await projectsWithDevelopers(db) }
    const found: [string, Wish][] = []
    for (const name of [...wanted].toSorted()) {
      const mayBeUpstream = !asked.has(name) || selection.upstream?.includes(name) === true
      const how = { isAsked: selection.again === true || asked.has(name), mayBeUpstream }
      found.push([name, await recordWish(context, name, sealed.get(recordTarget(name)), how)])
    }
    for (const name of selection.open ?? []) {
      const replaced = sealed.get(recordTarget(name))
      found.push([
        name,
        replaced === undefined ? 'it is not sealed' : { ...recordPlace(name), content: undefined, replaced },
      ])
    }
    const policies = await signedBodies(db, 'targets')
    if (isAll || selection.namespaces === true) {
      found.push([
        'the namespaces',
        namespacesWish(context, policies.get(NAMESPACES_TARGET), selection.namespaces === true),
      ])
    }
    if (isAll || selection.defaults === true) {
      found.push(['the default', defaultWish(context, policies.get(DEFAULT_TARGET), selection.defaults === true)])
    }
    return portion(found)
  })
}

interface Context {
  readonly db: Kysely<Database>
  readonly names: NamesConfig
  /** Milliseconds since 1970, and the same as ISO 8601. */
  readonly now: number
  readonly at: string
  /** Projects whose developers sign their files. */
  readonly developers: ReadonlySet<string>
}

function portion(found: readonly (readonly [string, Wish])[]): PendingSeals {
  const targets: TargetWish[] = []
  const refused: { subject: string; reason: string }[] = []
  let left = 0
  let bytes = 0
  for (const [subject, wish] of found) {
    if (wish === undefined) continue
    if (typeof wish === 'string') {
      refused.push({ subject, reason: wish })
      continue
    }
    const size = (wish.content?.length ?? 0) + (wish.replaced?.length ?? 0)
    const isTooLarge = (wish.content?.length ?? 0) > MAX_SEALED_DOCUMENT
    if (isTooLarge) refused.push({ subject, reason: 'its document is larger than holders can be shown at once' })
    // Those after it wait too: policies are never before the names that they need.
    else if (left > 0 || targets.length >= MAX_SEAL_TARGETS || bytes + size > MAX_SEAL_BYTES) left += 1
    else {
      targets.push(wish)
      bytes += size
    }
  }
  return { targets, left, refused }
}

async function recordWish(
  { db, names, now, at, developers }: Context,
  name: string,
  replaced: Buffer | undefined,
  { isAsked, mayBeUpstream }: { readonly isAsked: boolean; readonly mayBeUpstream: boolean },
): Promise<Wish> {
  const project = await db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
  if (project === undefined || project.rev === 0 || project.authority === 'unclaimed') {
    return 'nobody has decided about it yet: claim it first'
  }
  const before = replaced && readNameRecord(name, replaced)
  if (project.authority === 'upstream' && before === undefined && !mayBeUpstream) {
    return `it belongs to the upstream ${project.upstream}: to seal that, say --upstream ${name}`
  }
  const { lifts, claimed } = before === undefined ? NO_OPENINGS : await openingsOf(db, project)
  const isFrozen = (claimed ?? claimedName(project)).authority !== 'upstream' && !developers.has(name)
  const frozen = isFrozen
    ? await filesToFreeze(db, { ...project, ...(claimed && rowOf(claimed)) }, names, now, { lifts, before })
    : undefined
  const record = await recordOf(db, name, names, { at, by: OPERATOR.name, frozen, lifts, claimed })
  if (record === undefined) return 'nobody has decided about it yet: claim it first'
  // What only the history adds is sealed when it is asked for.
  if (before !== undefined && sayTheSame(before, record) && !(isAsked && record.rev > before.rev + 1)) return undefined
  return { ...recordPlace(name), content: writeNameRecord(record), replaced }
}

const NO_OPENINGS = { lifts: [], claimed: undefined }

/** What waits for the holders of a sealed name. */
async function openingsOf(
  db: Kysely<Database>,
  project: ProjectRow,
): Promise<{ readonly lifts: readonly number[]; readonly claimed: ClaimedName | undefined }> {
  const rows = await db
    .selectFrom('opening')
    .selectAll()
    .where('project', '=', project.name)
    .orderBy('asked_at')
    .execute()
  const lifts = rows.flatMap(({ kind, body }) => (kind === 'lift' ? [Number(body)] : []))
  const merge = rows.findLast(({ kind }) => kind === 'merge')
  if (merge === undefined) return { lifts, claimed: undefined }
  const rule = parseJson(Buffer.from(merge.body)).value
  return { lifts, claimed: rule === null ? unmerged(claimedName(project)) : merged(readMergeRule(rule)) }
}

function merged(merge: MergeRule): ClaimedName {
  return { authority: 'merged', upstream: upstreamOf(merge), merge }
}

/** The name goes on with the one source that it belongs to. */
function unmerged(claimed: ClaimedName): ClaimedName | undefined {
  const owner = claimed.merge?.owner
  if (owner === undefined) return undefined
  return owner === LOCAL_SOURCE
    ? { authority: 'internal', upstream: null, merge: null }
    : { authority: 'upstream', upstream: owner, merge: null }
}

function rowOf({ authority, upstream, merge }: ClaimedName): Pick<ProjectRow, 'authority' | 'upstream' | 'merge_rule'> {
  return { authority, upstream, merge_rule: merge && JSON.stringify(merge) }
}

/**
 * The files of this index under a name that are given out now, or were when it was last sealed: what is denied is kept from people by the
 * denial, and does not have to be frozen again when that is lifted.
 */
async function filesToFreeze(
  db: Kysely<Database>,
  project: ProjectRow,
  names: NamesConfig,
  now: number,
  { lifts, before }: { readonly lifts: readonly number[]; readonly before: NameRecord | undefined },
): Promise<ReadonlyMap<string, string>> {
  const rows = db.selectFrom('file').selectAll().where('project', '=', project.name).where('source', '=', LOCAL_SOURCE)
  const files = await rows.where('deleted_at', 'is', null).orderBy('filename').execute()
  const asIs = await readOffering(db, project.name, project, names, now)
  const offering = { ...asIs, denials: asIs.denials.filter(({ n }) => !lifts.includes(n)), status: project.status }
  const { files: judged } = judgeFiles(offering, files, now)
  return new Map(
    judged.flatMap(({ file: { filename, sha256 }, withheld }) => {
      if (sha256 === null) return []
      return withheld === undefined || before?.files?.get(filename) === sha256 ? [[filename, sha256] as const] : []
    }),
  )
}

/** Whether two records protect the same, whenever and by whom they were made. */
function sayTheSame(one: NameRecord, other: NameRecord): boolean {
  const { since, by, rev, prev, reason } = other
  return writeNameRecord({ ...one, since, by, rev, prev, reason }).equals(writeNameRecord(other))
}

function namespacesWish({ names, now }: Context, replaced: Buffer | undefined, isAsked: boolean): Wish {
  const before = replaced && readNamespaceList(replaced)
  const list = { rev: nextRev(before?.rev, now), namespaces: [...names.namespaces] }
  const content = writeNamespaceList(list)
  if (before !== undefined && writeNamespaceList({ ...list, rev: before.rev }).equals(replaced ?? content))
    return undefined
  return before === undefined && list.namespaces.length === 0 && !isAsked
    ? undefined
    : policy(NAMESPACES_TARGET, content, replaced)
}

function defaultWish({ names, now }: Context, replaced: Buffer | undefined, isAsked: boolean): Wish {
  const before = replaced && readDefaultPolicy(replaced)
  const current = names.policy ?? OPEN_DEFAULT
  const document = { ...current, rev: nextRev(before?.rev, now) }
  const standing = { ...(before ?? OPEN_DEFAULT), rev: document.rev }
  const content = writeDefaultPolicy(document)
  if (writeDefaultPolicy(standing).equals(content) && !(isAsked && before === undefined)) return undefined
  return policy(DEFAULT_TARGET, content, replaced)
}

/** Above what was signed before, and above what a restored index may have forgotten that it signed. */
function nextRev(before: number | undefined, now: number): number {
  return Math.max((before ?? 0) + 1, Math.floor(now / 1000))
}

function policy(path: string, content: Buffer, replaced: Buffer | undefined): TargetWish {
  return { role: 'targets', path, content, replaced }
}

function recordPlace(name: string): Pick<TargetWish, 'role' | 'path'> {
  return { role: `sealed-${shardOf(name)}`, path: recordTarget(name) }
}

/** Names that this index answers for, wholly or in part. */
async function claimedNames(db: Kysely<Database>): Promise<readonly string[]> {
  const rows = db
    .selectFrom('project')
    .select('name')
    .where('rev', '>', 0)
    .where('authority', 'in', ['internal', 'merged'])
  return (await rows.execute()).map(({ name }) => name)
}

/** What stands in the targets of these roles now, by path. */
async function signedBodies(db: Kysely<Database>, role: string): Promise<ReadonlyMap<string, Buffer>> {
  const rows = db.selectFrom('target').select(['path', 'body']).where('role', 'like', role)
  return new Map(
    (await rows.where('superseded_at', 'is', null).execute()).map(({ path, body }) => [path, Buffer.from(body)]),
  )
}

function projectIn(path: string): string {
  return path.slice('names/00/'.length, -'.json'.length)
}
