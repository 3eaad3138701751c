import type { Kysely, Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { ChangeOutcome } from '../releases/change-outcome.ts'
import type { Database } from '../store/schema.ts'
import { recordEvent } from '../telemetry/events.ts'
import { readNameRecord } from './name-record.ts'
import type { NameRecord } from './name-record.ts'
import { recordTarget, shardOf } from './signed-paths.ts'

/** The role of the holders who seal a name. */
export function sealRole(project: string): string {
  return `sealed-${shardOf(project)}`
}

/** The record of a name as its holders have signed it; undefined where it is not sealed. */
export async function sealedRecord(db: Kysely<Database>, project: string): Promise<NameRecord | undefined> {
  const row = await db
    .selectFrom('target')
    .select('body')
    .where('role', '=', sealRole(project))
    .where('path', '=', recordTarget(project))
    .where('superseded_at', 'is', null)
    .executeTakeFirst()
  return row && readNameRecord(project, Buffer.from(row.body))
}

/** Keeps what would open a sealed name until its holders have signed it (design.md section 7). */
export async function askForOpening(
  tx: Transaction<Database>,
  opening: {
    readonly project: string
    readonly kind: 'lift' | 'merge'
    readonly body: unknown
    readonly at: string
    readonly actor: Actor
  },
): Promise<ChangeOutcome> {
  const { project, kind, at, actor } = opening
  const row = { project, kind, body: JSON.stringify(opening.body), asked_at: at, asked_by: actor.name }
  const asked = await tx
    .insertInto('opening')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project', 'kind', 'body']).doNothing())
    .returning('project')
    .executeTakeFirst()
  if (asked !== undefined) {
    const detail = { kind, opening: opening.body }
    await recordEvent(tx, { kind: 'opening-asked', at, actor: actor.name, project, detail })
  }
  const what = kind === 'lift' ? 'lifted' : 'changed'
  return {
    kind: 'waits',
    changed: false,
    message: `${project} is sealed: it is ${what} once the holders of its seal have signed that (waxseal seal).`,
  }
}
