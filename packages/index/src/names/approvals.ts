import type { Kysely, Transaction } from 'kysely'
import { appendJournal } from '../publish/journal.ts'
import type { RequestedFile } from '../requests/asking.ts'
import type { ApprovalTable, Database } from '../store/schema.ts'

/**
 * The approvals of a project's files that count, by sha256. Where it takes more than one (`needed`), that of whoever asked for the file
 * counts for nothing, before the request or after it, until they take the request back (attacks.md SELF-APPROVE).
 */
export async function countedApprovals(
  db: Kysely<Database>,
  project: string,
  needed: number,
): Promise<ReadonlyMap<string, readonly ApprovalTable[]>> {
  const given = db.selectFrom('approval').selectAll().where('project', '=', project)
  const rows = await given.orderBy('filename').orderBy('approver').execute()
  const asked = needed > 1 && rows.length > 0 ? await askersOf(db, project) : undefined
  const counted = rows.filter(({ sha256, approver }) => asked?.get(sha256)?.has(approver) !== true)
  return Map.groupBy(counted, ({ sha256 }) => sha256)
}

/** The users who asked for files of a project, declined or not, and have not taken that back, by sha256. */
export async function askersOf(
  db: Kysely<Database>,
  project: string,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await db
    .selectFrom('request')
    .select(['files', 'asked_by'])
    .where('project', '=', project)
    .where('asked_by', 'is not', null)
    .where('state', '!=', 'withdrawn')
    .execute()
  const asked = rows.flatMap(({ files, asked_by: user }) =>
    (JSON.parse(files) as readonly RequestedFile[]).map(({ sha256 }) => ({ sha256, user: user ?? '' })),
  )
  const byFile = Map.groupBy(asked, ({ sha256 }) => sha256)
  return new Map(Array.from(byFile, ([sha256, who]) => [sha256, new Set(who.map(({ user }) => user))]))
}

/** To be called where a request is made or taken back, in that transaction: what its asker approved counts no more, or again. */
export async function journalRecount(
  tx: Transaction<Database>,
  { project, askedBy, at }: { readonly project: string; readonly askedBy: string | null; readonly at: string },
): Promise<void> {
  if (askedBy === null) return
  const theirs = tx.selectFrom('approval').select('sha256').where('project', '=', project)
  const one = await theirs.where('approver', '=', askedBy).limit(1).executeTakeFirst()
  if (one !== undefined) await appendJournal(tx, { project, action: 'approval', at, actor: askedBy })
}
