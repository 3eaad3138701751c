import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import { isStanding } from './denials.ts'
import type { Overlay } from './denials.ts'

/** A denial as those see it who decide: with who, and whether it holds. */
export interface KnownDenial {
  readonly n: number
  readonly project: string
  readonly version: string | null
  readonly sha256: string | null
  readonly overlay: Overlay
  readonly reason: string
  readonly since: string
  readonly until: string | null
  readonly by: string
  readonly liftedAt: string | null
  readonly liftedBy: string | null
  readonly standing: boolean
  /** Whether somebody lifted it, and the holders of the name's seal have not signed that. */
  readonly waits: boolean
}

/** Every denial there was, of one project or of all, the newest first. */
export async function listDenials(
  db: Kysely<Database>,
  now: number,
  project?: string,
): Promise<readonly KnownDenial[]> {
  const denials = await db
    .selectFrom('denial')
    .selectAll()
    .$if(project !== undefined, (query) => query.where('project', '=', project ?? ''))
    .orderBy('n', 'desc')
    .execute()
  const openings = await db.selectFrom('opening').select(['project', 'body']).where('kind', '=', 'lift').execute()
  const waiting = new Set(openings.map(({ project: of, body }) => `${of} ${body}`))
  return denials.map((row) => ({
    n: row.n,
    project: row.project,
    version: row.version,
    sha256: row.sha256,
    overlay: row.overlay,
    reason: row.reason,
    since: row.since,
    until: row.until,
    by: row.denied_by,
    liftedAt: row.lifted_at,
    liftedBy: row.lifted_by,
    standing: row.lifted_at === null && isStanding({ until: row.until ?? undefined }, now),
    waits: row.lifted_at === null && waiting.has(`${row.project} ${row.n}`),
  }))
}
