import { sql } from 'kysely'
import { decisionHash } from '../names/decisions.ts'
import { CLOCK_SKEW_MS, DOCTOR_BATCH, RESTORE_MIN_JUMP } from '../limits.ts'
import { isDamagedDatabase } from '../store/errors.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { newestAudit } from '../telemetry/audit.ts'
import { auditRecords, verifyAudit } from '../telemetry/read-audit.ts'
import type { Findings } from './doctor-findings.ts'

/** Lets SQLite look at its file. False: it is damaged, and what its rows say is worth nothing. */
export async function examineDatabase({ kind, db }: Store, findings: Findings): Promise<boolean> {
  if (kind !== 'sqlite') return true
  try {
    const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(100)`.execute(db)
    const damages = rows.filter(({ integrity_check: said }) => said !== 'ok')
    for (const { integrity_check: said } of damages) findings.add('database-damaged', said)
    return damages.length === 0
  } catch (error) {
    // It ends at the first page that it cannot make anything of.
    if (!isDamagedDatabase(error)) throw error
    findings.add('database-damaged', error instanceof Error ? error.message : 'it cannot be read')
    return false
  }
}

/** Asks the database for rows that contradict each other. */
export async function examineRows(store: Store, findings: Findings): Promise<void> {
  if (store.kind === 'sqlite') {
    const foreign = await sql<{ table: string }>`pragma foreign_key_check`.execute(store.db)
    for (const { table } of foreign.rows) findings.add('rows-inconsistent', `a row of ${table} refers to none`)
  }
  for (const [what, query] of contradictions(store)) {
    for (const { name } of await query) findings.add('rows-inconsistent', `${what}: ${name}`)
  }
}

/** What may not be, with the names of what is all the same. */
function contradictions({ db }: Store): readonly (readonly [string, Promise<readonly { readonly name: string }[]>])[] {
  const projects = db.selectFrom('project').select('name')
  const versions = db.selectFrom('snapshot').select('version')
  const strangers = (table: 'file' | 'release' | 'page') =>
    db.selectFrom(table).select('project as name').where('project', 'not in', projects).distinct().limit(DOCTOR_BATCH)
  const pages = db.selectFrom('page').select('project as name').where('snapshot', 'not in', versions)
  const changes = db.selectFrom('journal').select('project as name').where('snapshot', '>', 0)
  const unpublished = changes.where('snapshot', 'not in', versions).distinct()
  const files = db.selectFrom('file').select('filename as name')
  const unsized = files.where('stored', '=', 1).where((eb) => eb.or([eb('sha256', 'is', null), eb('size', 'is', null)]))
  const uploaded = files.where('source', '=', LOCAL_SOURCE).where('deleted_at', 'is', null).where('stored', '=', 0)
  return [
    ['files of a project that is not there', strangers('file').execute()],
    ['releases of a project that is not there', strangers('release').execute()],
    ['a page of a project that is not there', strangers('page').execute()],
    ['a page of a snapshot that is not there', pages.limit(DOCTOR_BATCH).execute()],
    ['a change published with a snapshot that is not there', unpublished.limit(DOCTOR_BATCH).execute()],
    ['a file that is said to be stored, without a sha256 or a size', unsized.limit(DOCTOR_BATCH).execute()],
    ['an uploaded file that is said not to be stored', uploaded.limit(DOCTOR_BATCH).execute()],
  ]
}

/** Recomputes every decision's hash, and each name's chain up to the revision that its project names. */
export async function examineDecisions(store: Store, findings: Findings): Promise<number> {
  let count = 0
  let last = { project: '', rev: 0, hash: '' }
  for (;;) {
    const { project, rev } = last
    const some = await store.db
      .selectFrom('decision')
      .selectAll()
      .where((eb) => eb.or([eb('project', '>', project), eb.and([eb('project', '=', project), eb('rev', '>', rev)])]))
      .orderBy('project')
      .orderBy('rev')
      .limit(DOCTOR_BATCH)
      .execute()
    for (const { hash, ...row } of some) {
      const before = row.project === last.project ? last : { rev: 0, hash: null }
      // The chain tells that one is missing; the number also leaps where the index was restored.
      const follows = row.rev === before.rev + 1 || row.rev - before.rev > RESTORE_MIN_JUMP
      if (!follows || row.prev !== before.hash) {
        findings.add('decisions-broken', `${row.project}: decision ${row.rev} does not follow the one before`)
      } else if (decisionHash(row) !== hash) {
        findings.add('decisions-broken', `${row.project}: decision ${row.rev} was changed after it was made`)
      }
      last = { project: row.project, rev: row.rev, hash }
    }
    count += some.length
    if (some.length < DOCTOR_BATCH) break
  }
  const short = await store.db
    .selectFrom('project')
    .select('name')
    .where((eb) => {
      const newest = eb
        .selectFrom('decision')
        .select(({ fn }) => fn.max('rev').as('rev'))
        .whereRef('decision.project', '=', 'project.name')
      const known = eb.fn.coalesce(newest, eb.lit(0))
      // A restore has raised it above all that the lost history can have given.
      return eb.and([eb('rev', '<>', known), eb('rev', '<', eb(known, '+', RESTORE_MIN_JUMP))])
    })
    .limit(DOCTOR_BATCH)
    .execute()
  for (const { name } of short) findings.add('decisions-broken', `${name}: its newest decisions are missing`)
  return count
}

/** Recomputes the chain of the audit. The number of its records. */
export async function examineAudit(store: Store, findings: Findings): Promise<number> {
  const verdict = await verifyAudit(auditRecords(store))
  if (verdict.kind === 'holds') return verdict.records
  findings.add('audit-broken', `record ${verdict.id}: ${verdict.problem}`)
  return (await newestAudit(store.db)).id
}

/** Times that have not come yet, and files that nobody can be asked for. */
export async function examineCircumstances(
  { db }: Store,
  now: number,
  upstreams: readonly string[],
  findings: Findings,
): Promise<void> {
  const latest = new Date(now + CLOCK_SKEW_MS).toISOString()
  const times = [
    ['snapshot', db.selectFrom('snapshot').select(({ fn }) => fn.max('at').as('at'))],
    ['journal', db.selectFrom('journal').select(({ fn }) => fn.max('at').as('at'))],
    ['event', db.selectFrom('event').select(({ fn }) => fn.max('at').as('at'))],
    ['upstream_page', db.selectFrom('upstream_page').select(({ fn }) => fn.max('checked_at').as('at'))],
  ] as const
  for (const [table, query] of times) {
    const at = (await query.executeTakeFirst())?.at
    if (at !== undefined && at !== null && at > latest) findings.add('time-in-future', `${table}: ${at}`)
  }
  const unknown = await db
    .selectFrom('file')
    .select(({ fn }) => ['source', fn.countAll<number>().as('files')])
    .where('stored', '=', 0)
    .where('source', 'not in', [LOCAL_SOURCE, ...upstreams])
    .groupBy('source')
    .execute()
  for (const { source, files } of unknown) findings.add('upstream-unknown', `${source}: ${files} files`)
}
