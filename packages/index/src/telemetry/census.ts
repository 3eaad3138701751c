import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { CENSUS_BATCH } from '../limits.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Authority, Database } from '../store/schema.ts'

/** What the store holds. */
export interface Census {
  /** Files whose bytes are stored: uploaded here, and kept of upstreams. Shared bytes count once for each file. */
  readonly files: { readonly local: Stock; readonly upstream: Stock }
  readonly projects: Readonly<Record<Authority, number>>
}

interface Stock {
  readonly files: number
  readonly bytes: number
}

/**
 * Counts files and projects, some at a time: with a million rows SQLite would hold the event loop for longer than a
 * request may wait, and what changes meanwhile does not matter here.
 */
export async function takeCensus(db: Kysely<Database>): Promise<Census> {
  const local = { files: 0, bytes: 0 }
  const upstream = { files: 0, bytes: 0 }
  for (let after = 0; ;) {
    const rows = await db
      .selectFrom('file')
      .select(['id', 'source', 'size', 'stored'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(CENSUS_BATCH)
      .execute()
    for (const { source, size, stored } of rows) {
      if (stored === 0) continue
      const stock = source === LOCAL_SOURCE ? local : upstream
      stock.files += 1
      stock.bytes += size ?? 0
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < CENSUS_BATCH) break
    after = last.id
    await setImmediate()
  }
  return { files: { local, upstream }, projects: await countProjects(db) }
}

async function countProjects(db: Kysely<Database>): Promise<Census['projects']> {
  const projects: Record<Authority, number> = { unclaimed: 0, internal: 0, upstream: 0, merged: 0 }
  for (let after = ''; ;) {
    const rows = await db
      .selectFrom('project')
      .select(['name', 'authority'])
      .where('name', '>', after)
      .orderBy('name')
      .limit(CENSUS_BATCH)
      .execute()
    for (const { authority } of rows) projects[authority] += 1
    const last = rows.at(-1)
    if (last === undefined || rows.length < CENSUS_BATCH) return projects
    after = last.name
    await setImmediate()
  }
}
