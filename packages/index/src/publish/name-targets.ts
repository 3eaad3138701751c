import { hash } from 'node:crypto'
import type { TargetChange } from '@waxseal/trust'
import type { Kysely, Transaction } from 'kysely'
import type { NamesConfig } from '../names/authority.ts'
import { denialsOfShard } from '../names/deny-list.ts'
import { isStanding, writeDenyList } from '../names/denials.ts'
import { writeNameRecord } from '../names/name-record.ts'
import { denyTarget, recordTarget, shardOf } from '../names/signed-paths.ts'
import { recordOf } from '../names/record-of.ts'
import type { Database } from '../store/schema.ts'

/** A target about names as it has to be signed now; without a body it is listed no more. */
export interface NameTarget {
  readonly role: string
  readonly path: string
  readonly body: Buffer | undefined
}

/**
 * What is to be signed anew about these projects: their records, and the deny lists of their shards. What is signed as it is already
 * is left out.
 */
export async function changedNameTargets(
  db: Kysely<Database>,
  projects: Iterable<string>,
  names: NamesConfig,
  now: number,
): Promise<readonly NameTarget[]> {
  const wanted: NameTarget[] = []
  const shards = new Set<string>()
  for (const project of projects) {
    const record = await recordOf(db, project, names)
    if (record !== undefined) {
      wanted.push({ role: `claimed-${shardOf(project)}`, path: recordTarget(project), body: writeNameRecord(record) })
    }
    const denied = db.selectFrom('denial').select('shard').where('project', '=', project).limit(1)
    const shard = (await denied.executeTakeFirst())?.shard
    if (shard !== undefined) shards.add(shard)
  }
  for (const shard of shards) {
    const standing = (await denialsOfShard(db, shard)).filter((denial) => isStanding(denial, now))
    const body = standing.length === 0 ? undefined : writeDenyList(standing)
    wanted.push({ role: 'deny', path: denyTarget(shard), body })
  }
  const changed: NameTarget[] = []
  for (const one of wanted) if (!(await isCurrent(db, one))) changed.push(one)
  return changed
}

async function isCurrent(db: Kysely<Database>, { role, path, body }: NameTarget): Promise<boolean> {
  const current = db.selectFrom('target').select('sha256').where('role', '=', role).where('path', '=', path)
  const row = await current.where('superseded_at', 'is', null).executeTakeFirst()
  return row?.sha256 === (body && hash('sha256', body))
}

/** The change of what is signed that brings a target out. */
export function targetChange({ role, path, body }: NameTarget): TargetChange {
  return { role, path, target: body && { length: body.length, sha256: hash('sha256', body) } }
}

/** Keeps the bodies of targets, in the transaction that brings their signatures out. */
export async function storeNameTargets(
  tx: Transaction<Database>,
  targets: readonly NameTarget[],
  at: string,
): Promise<void> {
  for (const { role, path, body } of targets) {
    await tx
      .updateTable('target')
      .set({ superseded_at: at })
      .where('role', '=', role)
      .where('path', '=', path)
      .where('superseded_at', 'is', null)
      .execute()
    if (body === undefined) continue
    await tx
      .insertInto('target')
      .values({ role, path, sha256: hash('sha256', body), body: body.toString(), superseded_at: null })
      // What was lifted and denied again has the bytes of then.
      .onConflict((conflict) => conflict.columns(['role', 'path', 'sha256']).doUpdateSet({ superseded_at: null }))
      .execute()
  }
}
