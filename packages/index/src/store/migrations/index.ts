import { sql, type Kysely, type Transaction } from 'kysely'
import { Migrator, type Migration, type MigrationResultSet } from 'kysely/migration'
import { SERVER } from '../../access/actor.ts'
import type { Actor, Unnamed } from '../../access/actor.ts'
import type { Clock } from '../../clock.ts'
import { isoTime } from '../../clock.ts'
import { IndexError } from '../../error.ts'
import { recordAction, recordEvent } from '../../telemetry/events.ts'
import { isTransient } from '../errors.ts'
import type { Database } from '../schema.ts'
import type { Dialect } from './dialect.ts'
import * as first from './0001-first.ts'
import * as operation from './0002-operation.ts'
import * as trust from './0003-trust.ts'
import * as names from './0004-names.ts'
import * as register from './0006-register.ts'
import * as audit from './0005-audit.ts'
import * as requests from './0007-requests.ts'
import * as sentinel from './0008-sentinel.ts'
import * as upstreamAbsence from './0009-upstream-absence.ts'

/** One change of the schema. A released one never changes; it only adds what older programs can ignore (expand and contract). */
interface Step {
  up(db: Kysely<unknown>, dialect: Dialect): Promise<void>
  /** Undoes `up`, so that the version before can start again. */
  down?(db: Kysely<unknown>, dialect: Dialect): Promise<void>
  /** What is gone after `down`, in a sentence for people. */
  readonly loses?: string
}

/** In order. */
const steps: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['0001-first', first],
  ['0002-operation', operation],
  ['0003-trust', trust],
  ['0004-names', names],
  ['0005-audit', audit],
  ['0006-register', register],
  ['0007-requests', requests],
  ['0008-sentinel', sentinel],
  ['0009-upstream-absence', upstreamAbsence],
])

/** From this one on there is an audit. */
const AUDIT_STEP = '0005-audit'

/** The newest step of the release before this one: how far an index can be taken back, so that that release starts on it. */
export const RELEASED_STEP = '0001-first'

/** The steps that this version knows, oldest first. */
export const KNOWN_STEPS: readonly string[] = [...steps.keys()]

/** What a database has of the steps that this version knows. */
export interface SchemaState {
  /** Oldest first; none in a database that was never used. */
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  /** What this release brought, newest step first, when it is applied and can be taken back. */
  readonly reversible: { readonly steps: readonly string[]; readonly loses: string } | undefined
}

/**
 * Looks at the schema and changes nothing.
 *
 * @throws IndexError `config-invalid` when a newer version wrote the database
 */
export async function schemaState<Tables>(db: Kysely<Tables>): Promise<SchemaState> {
  const names = await appliedSteps(db)
  const unknown = names.find((name) => !steps.has(name))
  if (unknown !== undefined) {
    throw new IndexError(
      'config-invalid',
      `A newer version of Waxseal has written this database (it has the step ${unknown}). Start that version; it can take the database one release back (waxseal upgrade --back).`,
    )
  }
  const applied = new Set(names)
  const pending = [...steps.keys()].filter((name) => !applied.has(name))
  const back = [...steps].slice(KNOWN_STEPS.indexOf(RELEASED_STEP) + 1).filter(([name]) => applied.has(name))
  const loses = back.flatMap(([, step]) => step.loses ?? []).join(' ')
  const reversible =
    back.length === 0 || !back.every(([, step]) => step.down !== undefined)
      ? undefined
      : { steps: back.map(([name]) => name).toReversed(), loses: loses === '' ? 'Nothing.' : loses }
  return { applied: [...steps.keys()].filter((name) => applied.has(name)), pending, reversible }
}

/**
 * Brings the schema up to this version, or to its step `upTo`, in one transaction; the names of the steps that were applied. When another process
 * does so at the same time it may throw what `isTransient` knows, and is to be called again.
 *
 * @throws IndexError `config-invalid` when a newer version wrote the database; `storage-failed` when a step fails
 */
export async function migrate<Tables>(
  db: Kysely<Tables>,
  dialect: Dialect,
  clock: Clock,
  { upTo, by = SERVER }: { readonly upTo?: string; readonly by?: Actor | Unnamed } = {},
): Promise<readonly string[]> {
  const { applied } = await schemaState(db)
  const migrator = migratorOf(db, async (name, step, tx) => {
    await step.up(tx, dialect)
    // A new database was not migrated, it was made.
    if (applied.length > 0) await note(tx, clock, by, stepBefore(name), name)
  })
  const set = await (upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo))
  return outcome(set, 'The database could not be brought up to date; nothing was changed in it.')
}

/**
 * Takes back what this release brought, in one transaction that `check` may end by throwing. The steps, newest first.
 *
 * @throws IndexError `not-allowed` when there is none that can be taken back; `storage-failed`; what `check` throws
 */
export async function migrateBack<Tables>(
  db: Kysely<Tables>,
  dialect: Dialect,
  clock: Clock,
  check: (tx: Transaction<Database>) => Promise<void>,
): Promise<readonly string[]> {
  const { reversible, applied } = await schemaState(db)
  if (reversible === undefined) {
    throw new IndexError(
      'not-allowed',
      `The database is at ${applied.at(-1) ?? 'nothing'}, and this version can take back no more than what it brought itself. For older versions restore a backup, or use the older program.`,
    )
  }
  const migrator = migratorOf(db, undefined, async (name, step, tx) => {
    await check(asTransaction(tx))
    await step.down?.(tx, dialect)
    await note(tx, clock, SERVER, name, stepBefore(name) ?? '')
  })
  const set = await migrator.migrateTo(RELEASED_STEP)
  outcome(set, 'The steps could not be taken back; nothing was changed in the database.')
  return reversible.steps
}

type Run = (name: string, step: Step, tx: Kysely<unknown>) => Promise<void>

function migratorOf<Tables>(db: Kysely<Tables>, up: Run | undefined, down?: Run): Migrator {
  const migrations: Record<string, Migration> = {}
  for (const [name, step] of steps) {
    migrations[name] = {
      up: async (tx: Kysely<unknown>) => up?.(name, step, tx),
      ...(down === undefined || step.down === undefined ? {} : { down: (tx: Kysely<unknown>) => down(name, step, tx) }),
    }
  }
  return new Migrator({ db, provider: { getMigrations: async () => migrations } })
}

/** The event is part of the step's transaction, as of every change; an action once there is a table for those. */
async function note(
  tx: Kysely<unknown>,
  clock: Clock,
  by: Actor | Unnamed,
  from: string | null,
  to: string,
): Promise<void> {
  const detail = { from, to }
  const told = { kind: 'schema-migrated', at: isoTime(clock), project: null, detail } as const
  if (to < AUDIT_STEP || from === AUDIT_STEP) await recordEvent(asTransaction(tx), { ...told, actor: by.name })
  else await recordAction(asTransaction(tx), { ...told, by, before: { step: from }, after: { step: to } })
}

/** Kysely's migrator hands its transaction over as a database whose tables it does not know. */
function asTransaction(tx: Kysely<unknown>): Transaction<Database> {
  return tx as unknown as Transaction<Database>
}

function stepBefore(name: string): string | null {
  const names = [...steps.keys()]
  return names[names.indexOf(name) - 1] ?? null
}

function outcome({ error, results = [] }: MigrationResultSet, message: string): readonly string[] {
  if (error === undefined) return results.map(({ migrationName }) => migrationName)
  if (isTransient(error) || error instanceof IndexError) throw error
  throw new IndexError('storage-failed', message, { cause: error })
}

/** The steps that a database has behind it, oldest first; none when it is empty. */
export async function appliedSteps<Tables>(db: Kysely<Tables>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}
