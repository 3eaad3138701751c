import { z } from 'zod'
import type { Store } from '../store/store.ts'
import type { NamesConfig } from './authority.ts'

const KEY = 'names'
const schema = z.object({ prefixes: z.array(z.string()), upstreams: z.array(z.string()) })

/** Notes what the running server was told about names, for commands that work beside it and were not told. */
export async function saveServedNames(store: Store, names: NamesConfig): Promise<void> {
  const value = JSON.stringify(names)
  const saved = await store.db.selectFrom('setting').select('value').where('key', '=', KEY).executeTakeFirst()
  // A start that has nothing to say needs neither space nor the database's lock.
  if (saved?.value === value) return
  await store.transaction((tx) =>
    tx
      .insertInto('setting')
      .values({ key: KEY, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute(),
  )
}

/** What the last server on this database was told about names; undefined before the first. */
export async function readServedNames(store: Store): Promise<NamesConfig | undefined> {
  const row = await store.db.selectFrom('setting').select('value').where('key', '=', KEY).executeTakeFirst()
  return row === undefined ? undefined : schema.parse(JSON.parse(row.value))
}
