import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'
import type { Store } from './store.ts'

const INDEX_ID = 'index-id'

/** Tells this index from others, and is the same for what is restored from its backups. Made where it is not yet there. */
export async function indexId(store: Store): Promise<string> {
  const fresh = randomUUID()
  return await store.transaction(async (tx) => {
    const known = await knownIndexId(tx)
    if (known !== undefined) return known
    await tx.insertInto('setting').values({ key: INDEX_ID, value: fresh }).execute()
    return fresh
  })
}

/** As `indexId`; undefined where nobody has needed it yet. */
export async function knownIndexId(db: Kysely<Database>): Promise<string | undefined> {
  const row = await db.selectFrom('setting').select('value').where('key', '=', INDEX_ID).executeTakeFirst()
  return row?.value
}
