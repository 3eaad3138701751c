import { AUDIT_BATCH } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { auditHash, auditRecord, NO_AUDIT } from './audit.ts'
import type { AuditRecord } from './audit.ts'

/** Which records are wanted: all that every part names. */
export interface AuditFilter {
  /** Those at this time or later; ISO 8601, in stored form. */
  readonly since?: string | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  readonly action?: string | undefined
}

/** The records after the id `after`, the oldest first. */
export async function readAudit(
  store: Store,
  after: number,
  limit: number,
  filter: AuditFilter = {},
): Promise<readonly AuditRecord[]> {
  const rows = await matching(store, filter).where('id', '>', after).orderBy('id').limit(limit).execute()
  return rows.map(auditRecord)
}

/** The newest records, the oldest of them first. */
export async function readNewestAudit(
  store: Store,
  limit: number,
  filter: AuditFilter = {},
): Promise<readonly AuditRecord[]> {
  const rows = await matching(store, filter).orderBy('id', 'desc').limit(limit).execute()
  return rows.toReversed().map(auditRecord)
}

/** Every record after the id `after`, however many there are. */
export async function* auditRecords(store: Store, after = 0): AsyncGenerator<AuditRecord> {
  for (let last = after; ;) {
    const some = await readAudit(store, last, AUDIT_BATCH)
    yield* some
    last = some.at(-1)?.id ?? last
    if (some.length < AUDIT_BATCH) return
  }
}

/** Whether a chain holds, and its newest hash; else the first record at which it does not. */
export type AuditVerdict =
  | { readonly kind: 'holds'; readonly records: number; readonly head: string | null }
  | { readonly kind: 'broken'; readonly id: number; readonly problem: string }

/**
 * Recomputes the chain from its first record on. Whoever may write to the database can recompute it too, or cut off its end:
 * that is found by `head`, a hash from an earlier look, which has to be in it.
 */
export async function verifyAudit(records: AsyncIterable<AuditRecord>, head?: string): Promise<AuditVerdict> {
  let last = NO_AUDIT
  let seen = head === undefined
  for await (const record of records) {
    const { id, prev, hash } = record
    if (id !== last.id + 1) return { kind: 'broken', id: last.id + 1, problem: 'it is missing' }
    if (prev !== last.hash) return { kind: 'broken', id, problem: 'it does not follow the one before' }
    if (auditHash(record) !== hash) return { kind: 'broken', id, problem: 'it was changed after it was written' }
    seen ||= hash === head
    last = { id, hash }
  }
  if (seen) return { kind: 'holds', records: last.id, head: last.hash }
  const problem = `no record up to here has the hash ${head}: the end is missing, or all of it was written anew`
  return { kind: 'broken', id: last.id + 1, problem }
}

function matching({ db }: Store, { since, actor, subject, action }: AuditFilter) {
  let query = db.selectFrom('audit').selectAll()
  if (since !== undefined) query = query.where('at', '>=', since)
  if (actor !== undefined) query = query.where('actor', '=', actor)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  if (action !== undefined) query = query.where('action', '=', action)
  return query
}
