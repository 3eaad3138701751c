import { hash } from 'node:crypto'
import { targetDifferences } from '@waxseal/trust'
import type { Transaction } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import { IndexError } from '../error.ts'
import { keepQuarantine } from '../names/copied-quarantine.ts'
import { appendDecision, nextDecision } from '../names/decisions.ts'
import { readDefaultPolicy } from '../names/default-policy.ts'
import { mergeDocument, upstreamOf } from '../names/merge-rule.ts'
import { readNameRecord } from '../names/name-record.ts'
import type { NameRecord } from '../names/name-record.ts'
import { readNamespaceList } from '../names/namespaces.ts'
import { DEFAULT_TARGET, NAMESPACES_TARGET, recordTarget } from '../names/signed-paths.ts'
import type { Database } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'
import type { RecordCeremony } from './ceremony-parts.ts'
import { appendJournal } from './journal.ts'
import { storeNameTargets } from './name-targets.ts'

/**
 * What holds once holders have sealed names or policies: their documents are served, what waited for them is done, and each name has a
 * decision of exactly the number that its record was signed with.
 * @throws IndexError `conflict` where something was decided about one of the names since the seal was begun
 */
export const recordSeals: RecordCeremony = async (tx, { request, at }) => {
  for (const { role, path, after, before } of targetDifferences(request)) {
    const body = after?.content && Buffer.from(after.content)
    if (after !== undefined && body === undefined) {
      throw new IndexError(
        'not-allowed',
        `The request does not have what stands in ${path}, which cannot be served then.`,
      )
    }
    await storeNameTargets(tx, [{ role, path, body }], at)
    const name = nameIn(path)
    const context = { at, before: before === undefined ? null : { sha256: before.file.hashes.get('sha256') } }
    if (name === undefined) await recordPolicy(tx, path, body, context)
    else if (body === undefined) await recordUnsealed(tx, name, context)
    else await recordSealed(tx, readNameRecord(name, body), hash('sha256', body), context)
  }
}

/** When it came out, and what it takes the place of, for the audit. */
interface Context {
  readonly at: string
  readonly before: unknown
}

function nameIn(path: string): string | undefined {
  const name = /^names\/[0-9a-f]{2}\/([^/]+)\.json$/.exec(path)?.[1]
  return name !== undefined && recordTarget(name) === path ? name : undefined
}

async function recordSealed(
  tx: Transaction<Database>,
  record: NameRecord,
  sha256: string,
  { at, before }: Context,
): Promise<void> {
  const { name: project, rev, prev, by, since, files, lifts } = record
  const standing = tx.updateTable('denial').where('project', '=', project).where('lifted_at', 'is', null)
  const lifted = await standing
    .where('n', 'in', [...lifts, 0])
    .set({ lifted_at: at, lifted_by: by })
    .returning('n')
    .execute()
  const decision = await nextDecision(tx, {
    project,
    at: since,
    actor: { ...OPERATOR, name: by },
    body: {
      kind: 'sealed',
      record: sha256,
      files: files?.size ?? 0,
      lifts: lifted.map(({ n }) => n).toSorted((a, b) => a - b),
    },
  })
  // A restored index takes up what was signed before: its numbers are above, and the history is the same.
  if (decision.prev !== prev || decision.rev < rev) {
    throw new IndexError(
      'conflict',
      `Something was decided about ${project} since this seal was begun, and nothing of it was published: give it up (waxseal ceremony abandon), and begin again.`,
    )
  }
  await appendDecision(tx, { ...decision, rev })
  await applyAuthority(tx, record)
  await forgetOpenings(tx, record)
  // What was sealed before has that behind it; and what holders lift is not closed again by their own seal.
  if (before === null) await keepQuarantine(tx, project, at)
  await appendJournal(tx, { project, action: 'record', at, actor: by })
  const detail = { path: recordTarget(project), rev, sha256 }
  await recordAction(tx, { kind: 'sealed', at, by: { ...OPERATOR, name: by }, project, before, after: detail, detail })
}

/** A merge that waited for the holders begins, or ends. */
async function applyAuthority(
  tx: Transaction<Database>,
  { name, authority, merge, sources }: NameRecord,
): Promise<void> {
  const project = await tx.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirstOrThrow()
  if (merge === undefined && project.authority === authority) return
  const [source = null] = sources
  await tx
    .updateTable('project')
    .set({
      authority,
      upstream: merge === undefined ? (authority === 'upstream' ? source : null) : upstreamOf(merge),
      merge_rule: merge === undefined ? null : JSON.stringify(mergeDocument(merge)),
    })
    .where('name', '=', name)
    .execute()
}

/** What was asked for after the seal was begun goes on waiting. */
async function forgetOpenings(tx: Transaction<Database>, { name, lifts, since }: NameRecord): Promise<void> {
  const openings = tx.deleteFrom('opening').where('project', '=', name)
  await openings
    .where('kind', '=', 'lift')
    .where('body', 'in', ['0', ...lifts.map(String)])
    .execute()
  await openings.where('kind', '=', 'merge').where('asked_at', '<=', since).execute()
}

async function recordUnsealed(tx: Transaction<Database>, project: string, { at, before }: Context): Promise<void> {
  const actor = OPERATOR
  const decision = await nextDecision(tx, { project, at, actor, body: { kind: 'unsealed' } })
  await appendDecision(tx, decision)
  // Whoever asked asks again: nothing has to wait for holders any more.
  await tx.deleteFrom('opening').where('project', '=', project).execute()
  await appendJournal(tx, { project, action: 'record', at, actor: actor.name })
  const detail = { path: recordTarget(project), rev: decision.rev }
  await recordAction(tx, { kind: 'unsealed', at, by: actor, project, before, detail })
}

async function recordPolicy(
  tx: Transaction<Database>,
  path: string,
  body: Buffer | undefined,
  { at, before }: Context,
): Promise<void> {
  if (body === undefined) return
  const read = { [NAMESPACES_TARGET]: readNamespaceList, [DEFAULT_TARGET]: readDefaultPolicy }[path]
  if (read === undefined) return
  const detail = { path, rev: read(body).rev, sha256: hash('sha256', body) }
  await recordAction(tx, {
    kind: 'sealed',
    at,
    by: OPERATOR,
    project: null,
    subject: path,
    before,
    after: detail,
    detail,
  })
}
