import { createHash } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import { latestCommitted } from '../store/latest-committed.ts'
import type { AuditTable, Database } from '../store/schema.ts'

/** One action as it is told: who did what to what, and what that changed. */
export interface AuditRecord {
  /** Counts up by one from 1, in the order of the commits. */
  readonly id: number
  readonly at: string
  /** A user's name, or `operator` for whoever works on the data folder; null: the server, or nobody knows. */
  readonly actor: string | null
  /** Id of the token that it was done with, or `password`; null: it took neither. */
  readonly credential: string | null
  /** The client's; null: it did not come over the network. */
  readonly address: string | null
  /** A kind of event. */
  readonly action: string
  /** The project, user, token or other thing that it was done to; null: the index itself. */
  readonly subject: string | null
  /** What the action changed, as it was; null: nothing was there. */
  readonly before: unknown
  readonly after: unknown
  /** `hash` of the record before; null in the first. */
  readonly prev: string | null
  readonly hash: string
}

/** What is known of an action before it is chained; `before` and `after` are small documents. */
export type NewAuditRecord = Omit<AuditRecord, 'id' | 'prev' | 'hash'>

/** The end of the chain. */
export interface AuditHead {
  readonly id: number
  readonly hash: string | null
}

export const NO_AUDIT: AuditHead = { id: 0, hash: null }

/** The sha256 of a record's JSON without its hash, in this order of keys: anyone can recompute it from an exported line. */
export function auditHash(record: Omit<AuditRecord, 'hash'>): string {
  const { id, at, actor, credential, address, action, subject, before, after, prev } = record
  const text = JSON.stringify({ id, at, actor, credential, address, action, subject, before, after, prev })
  return createHash('sha256').update(text).digest('hex')
}

/** The record that a row holds. */
export function auditRecord(row: Selectable<AuditTable>): AuditRecord {
  // In the order of the hashed text: an exported line without its hash is that text.
  const { id, at, actor, credential, address, action, subject, before, after, prev, hash } = row
  const documents = { before: documentOf(before), after: documentOf(after) }
  return { id, at, actor, credential, address, action, subject, ...documents, prev, hash }
}

/** What this transaction itself has added: nobody else sees it yet. */
const added = new WeakMap<Transaction<Database>, AuditHead>()

/** Appends to the chain. Whoever else would must be kept waiting until `tx` ends: `recordEvent` does that. */
export async function appendAudit(tx: Transaction<Database>, record: NewAuditRecord): Promise<void> {
  const head = added.get(tx) ?? (await newestAudit(latestCommitted(tx)))
  // As it will be read: what JSON does not carry is not hashed either.
  const [before, after] = [textOf(record.before), textOf(record.after)]
  const { at, actor, credential, address, action, subject } = record
  const row = { id: head.id + 1, at, actor, credential, address, action, subject, before, after, prev: head.hash }
  const hash = auditHash(auditRecord({ ...row, hash: '' }))
  await tx
    .insertInto('audit')
    .values({ ...row, hash })
    .execute()
  added.set(tx, { id: row.id, hash })
}

/** The newest record of what `db` shows. */
export async function newestAudit(db: Pick<Transaction<Database>, 'selectFrom'>): Promise<AuditHead> {
  const newest = db.selectFrom('audit').select(['id', 'hash']).orderBy('id', 'desc').limit(1)
  return (await newest.executeTakeFirst()) ?? NO_AUDIT
}

function textOf(document: unknown): string | null {
  return document === null || document === undefined ? null : JSON.stringify(document)
}

/** What is no document any more was changed: it is told as it stands, and the hash tells the rest. */
function documentOf(text: string | null): unknown {
  if (text === null) return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
