import type { Kysely } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Dialect } from './migrations/dialect.ts'
import { migrate, schemaState } from './migrations/index.ts'
import { retryTransient } from './retry.ts'
import type { Database } from './schema.ts'
import type { KeptCopy } from './sqlite-copy.ts'

/** A database was of an earlier version, and is of this one now. */
export interface Upgraded {
  /** The newest step from before. */
  readonly from: string
  /** The steps that were applied. */
  readonly steps: readonly string[]
  /** The database as it was; undefined for PostgreSQL, which has its own ways to copy one. */
  readonly copy: KeptCopy | undefined
}

export interface Opening {
  readonly clock?: Clock
  /** Who brings it up to date, for the audit; absent: the server that starts. */
  readonly by?: Actor
  /** What to do with a database of an earlier version: `apply` (default) brings it up to date, `refuse` leaves it alone. */
  readonly earlier?: 'apply' | 'refuse'
  /** Called before a database that has none of our tables gets them: what it throws prevents that. */
  readonly beforeNew?: () => Promise<void>
  /** Called before a database of an earlier version is changed, or refused for being one: what it throws prevents that. */
  readonly beforeEarlier?: (db: Kysely<Database>) => Promise<void>
  /** Leaves a new database at this step: for rows of an earlier version. */
  readonly upTo?: string
  /** Told when the database was of an earlier version. */
  readonly onUpgraded?: (upgraded: Upgraded) => void
}

/**
 * Brings the schema of a database up to this version. A new database gets all of it; one of an earlier version is copied
 * first by `keep`.
 *
 * @throws IndexError `config-invalid` when a newer version wrote it; `conflict` for `refuse`; `storage-failed`
 */
export async function bringUpToDate(
  db: Kysely<Database>,
  dialect: Dialect,
  opening: Opening,
  keep?: (step: string) => Promise<KeptCopy>,
): Promise<void> {
  const { applied, pending } = await retryTransient(() => schemaState(db))
  const [next] = pending
  // Nothing to do takes no lock and no space: a server starts on a full disk, and while another process writes.
  if (next === undefined) return
  const from = applied.at(-1)
  const earlier = from !== undefined
  await (earlier ? opening.beforeEarlier?.(db) : opening.beforeNew?.())
  if (earlier && opening.earlier === 'refuse') {
    throw new IndexError(
      'conflict',
      `The database is of an earlier version (it has ${from}, not ${next}). To bring it up to date run: waxseal upgrade. Starting this version's server does so, too.`,
    )
  }
  const copy = earlier ? await keep?.(next) : undefined
  const steps = await retryTransient(() => migrate(db, dialect, opening.clock ?? systemClock, opening))
  // Another process may have been faster.
  if (earlier && steps.length > 0) opening.onUpgraded?.({ from, steps, copy })
}

/**
 * For who may not write.
 *
 * @throws IndexError `config-invalid` when a newer version wrote the database; `storage-failed` when it lacks a step
 */
export async function requireCurrent<Tables>(db: Kysely<Tables>): Promise<void> {
  const { pending } = await schemaState(db)
  const [next] = pending
  if (next === undefined) return
  const message = `The database is of an earlier version (it lacks the step ${next}), and read-only mode changes nothing. Run waxseal upgrade, or start a server on it once without --read-only.`
  throw new IndexError('storage-failed', message)
}
