import type { Kysely, Selectable, Transaction } from 'kysely'
import { accessChanged } from '../access/revisions.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { recordDecision } from '../names/decisions.ts'
import { appendJournal } from '../publish/journal.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database, TransferTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import { refuseActing, refuseForeign, refuseUnknown } from './change-members.ts'
import type { Holder } from './holder.ts'
import { holderText, holderWords, usersOf } from './holder.ts'
import type { Acting } from './members.ts'
import { membersOf, putMember, roleOf, usersOfProject } from './members.ts'
import type { RegisterOutcome } from './outcome.ts'
import { revokeStrayTokens } from './stray-tokens.ts'

/** An offer to hand a project over that is not answered. */
export interface OpenTransfer {
  readonly project: string
  readonly number: number
  readonly to: Holder
  readonly askedAt: string
  readonly askedBy: string
}

/** What is said to an offer: by who is to have it, or to take it back. */
export type TransferAnswer = 'accepted' | 'declined' | 'withdrawn'

/** The offers that `user` may answer or has made, or with undefined all. */
export async function openTransfers(db: Kysely<Database>, user: string | undefined): Promise<readonly OpenTransfer[]> {
  const rows = await db
    .selectFrom('transfer')
    .selectAll()
    .where('answered_at', 'is', null)
    .orderBy('asked_at')
    .orderBy('project')
    .execute()
  const found: OpenTransfer[] = []
  for (const row of rows) {
    const to: Holder = { kind: row.holder_kind, name: row.holder }
    if (user !== undefined && row.asked_by !== user && !(await usersOf(db, to)).includes(user)) continue
    const { project, number, asked_at: askedAt, asked_by: askedBy } = row
    found.push({ project, number, to, askedAt, askedBy })
  }
  return found
}

/** Offers a project to another user or team. Nothing changes before they accept. Owners may, and administrators. */
export function askTransfer(
  store: Store,
  clock: Clock,
  { project, to, actor, administrator }: Acting & { readonly project: string; readonly to: Holder },
): Promise<RegisterOutcome> {
  return store.transaction(async (tx): Promise<RegisterOutcome> => {
    const refusal =
      (await refuseActing(tx, project, { actor, administrator })) ??
      (await refuseForeign(tx, project)) ??
      (await refuseUnknown(tx, to))
    if (refusal !== undefined) return refusal
    const [only, ...more] = await membersOf(tx, project)
    if (more.length === 0 && only?.kind === to.kind && only.name === to.name) return { kind: 'unchanged' }
    const open = await openTransfer(tx, project)
    if (open !== undefined) {
      const there = { kind: open.holder_kind, name: open.holder }
      if (there.kind === to.kind && there.name === to.name) return { kind: 'unchanged' }
      return refuse('conflict', `The project '${project}' is offered to ${holderWords(there)}: withdraw that first.`)
    }
    const last = await tx
      .selectFrom('transfer')
      .select((eb) => eb.fn.max('number').as('number'))
      .where('project', '=', project)
      .executeTakeFirst()
    const number = (last?.number ?? 0) + 1
    const at = isoTime(clock)
    await tx
      .insertInto('transfer')
      .values({
        project,
        number,
        holder_kind: to.kind,
        holder: to.name,
        asked_at: at,
        asked_by: actor.name,
        answered_at: null,
        answered_by: null,
        answer: null,
      })
      .execute()
    const detail = { number, to: holderText(to) }
    await recordAction(tx, { kind: 'transfer-asked', at, by: actor, project, after: detail, detail })
    return { kind: 'done' }
  })
}

/**
 * Answers the open offer of a project. Accepted, it is a decision: the new owner alone holds the project, and what the old ones had of
 * it ends, tokens included (attacks.md NAME-XFER). Whoever offered it must still be allowed to at that moment.
 */
export async function answerTransfer(
  store: Store,
  clock: Clock,
  { project, answer, actor, administrator }: Acting & { readonly project: string; readonly answer: TransferAnswer },
): Promise<RegisterOutcome> {
  const outcome = await store.transaction(async (tx): Promise<RegisterOutcome> => {
    const open = await openTransfer(tx, project)
    if (open === undefined) {
      return refuse('not-found', `The project '${project}' is not offered to anybody.`)
    }
    const to: Holder = { kind: open.holder_kind, name: open.holder }
    const refusal = await refuseAnswer(tx, open, { answer, actor, administrator })
    if (refusal !== undefined) return refusal
    const at = isoTime(clock)
    await tx
      .updateTable('transfer')
      .set({ answer, answered_at: at, answered_by: actor.name })
      .where('project', '=', project)
      .where('number', '=', open.number)
      .execute()
    const before = await heldBy(tx, project)
    if (answer === 'accepted') await handOver(tx, { project, to, at, actor })
    const after = await heldBy(tx, project)
    const detail = { number: open.number, to: holderText(to), answer }
    await recordAction(tx, { kind: 'transfer-answered', at, by: actor, project, before, after, detail })
    if (answer === 'accepted') await appendJournal(tx, { project, action: 'authority', at, actor: actor.name })
    return { kind: 'done' }
  })
  accessChanged(store)
  return outcome
}

/** Who holds a project, for the audit. */
async function heldBy(tx: Transaction<Database>, project: string): Promise<unknown> {
  return (await membersOf(tx, project)).map((member) => ({ holder: holderText(member), role: member.role }))
}

async function handOver(
  tx: Transaction<Database>,
  { project, to, at, actor }: Pick<Acting, 'actor'> & { project: string; to: Holder; at: string },
): Promise<void> {
  const members = await membersOf(tx, project)
  const before = await usersOfProject(tx, project)
  await tx.deleteFrom('member').where('project', '=', project).execute()
  await putMember(tx, { project, holder: to, role: 'owner', at })
  const after = await usersOfProject(tx, project)
  await revokeStrayTokens(tx, project, { left: [...before].filter((user) => !after.has(user)), at, actor })
  const from = members.map(holderText)
  await recordDecision(tx, { project, at, actor, body: { kind: 'transfer', from, to: holderText(to) } })
}

async function refuseAnswer(
  tx: Transaction<Database>,
  open: Selectable<TransferTable>,
  { answer, actor, administrator }: Acting & { readonly answer: TransferAnswer },
): Promise<Refusal | undefined> {
  const { project } = open
  const to: Holder = { kind: open.holder_kind, name: open.holder }
  if (answer === 'withdrawn') return await refuseActing(tx, project, { actor, administrator })
  if (!administrator && !(await usersOf(tx, to)).includes(actor.name)) {
    return refuse(
      'name-not-yours',
      `The project '${project}' is offered to ${holderWords(to)}, not to '${actor.name}'.`,
    )
  }
  if (answer === 'declined') return undefined
  const unknown = await refuseUnknown(tx, to)
  if (unknown !== undefined) return unknown
  if (await mayStillOffer(tx, open)) return undefined
  return refuse(
    'conflict',
    `'${open.asked_by}' offered '${project}' and is no longer an owner of it: an owner has to withdraw the offer and make it anew.`,
  )
}

async function mayStillOffer(tx: Transaction<Database>, open: Selectable<TransferTable>): Promise<boolean> {
  const user = await tx.selectFrom('user').selectAll().where('name', '=', open.asked_by).executeTakeFirst()
  // Whoever worked on the data folder is no user.
  if (user === undefined) return true
  if (user.disabled_at !== null) return false
  return user.admin === 1 || (await roleOf(tx, await membersOf(tx, open.project), user.name)) === 'owner'
}

async function openTransfer(
  tx: Transaction<Database>,
  project: string,
): Promise<Selectable<TransferTable> | undefined> {
  return await tx
    .selectFrom('transfer')
    .selectAll()
    .where('project', '=', project)
    .where('answered_at', 'is', null)
    .executeTakeFirst()
}
