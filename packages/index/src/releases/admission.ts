import { setImmediate } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { ANOMALY_FILES, INSERT_CHUNK, UPDATE_CHUNK } from '../limits.ts'
import type { Database, FileRow, NewFileRow } from '../store/schema.ts'
import { recordEvent } from '../telemetry/events.ts'
import { changeOf, listedSha256, newRow } from './listing-changes.ts'
import type { Anomaly, Listing } from './listing-changes.ts'

/** What one listing changed. */
export interface AdmissionOutcome {
  /** Files, flags or states differ from before: the project's page may have to be published anew. */
  readonly changed: boolean
  /** Listed files that have no sha256 yet: to be hashed before they are offered. */
  readonly unhashed: number
}

/** Rows that change in the same way, by what changes: a mass withdrawal is a few statements, not thousands. */
class GroupedUpdates {
  readonly #groups = new Map<string, { readonly set: Partial<FileRow>; readonly ids: number[] }>()
  #rows = 0

  get size(): number {
    return this.#rows
  }

  add(id: number, set: Partial<FileRow>): void {
    if (Object.keys(set).length === 0) return
    const key = JSON.stringify(set)
    const group = this.#groups.get(key) ?? { set, ids: [] }
    this.#groups.set(key, group)
    group.ids.push(id)
    this.#rows += 1
  }

  async run(tx: Transaction<Database>): Promise<void> {
    let statements = 0
    for (const { set, ids } of this.#groups.values()) {
      for (const some of chunks(ids, UPDATE_CHUNK)) {
        await tx.updateTable('file').set(set).where('id', 'in', some).execute()
        statements += 1
        if (statements % UPDATES_BETWEEN_TURNS === 0) await setImmediate()
      }
    }
  }
}

const UPDATES_BETWEEN_TURNS = 25

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/**
 * Brings the file rows of one project and one upstream in line with what the upstream lists now, in the caller's
 * transaction. New files are admitted with the digest they are listed with; known files keep theirs. SQLite answers
 * synchronously: between statements the event loop gets its turn, so that a page of thousands holds up nobody.
 *
 * @param listing a page that was read without errors; a file it does not hold any more is marked withdrawn.
 */
export async function admitListing(tx: Transaction<Database>, listing: Listing): Promise<AdmissionOutcome> {
  const { project, upstream, page, at } = listing
  const rows = await tx
    .selectFrom('file')
    .selectAll()
    .where('project', '=', project)
    .where('source', '=', upstream)
    .execute()
  const known = new Map(rows.map((row) => [row.filename, row]))
  const listed = new Set<string>()
  const added: NewFileRow[] = []
  const updates = new GroupedUpdates()
  const anomalies: Anomaly[] = []
  let unhashed = 0
  for (const file of page.files) {
    if (listed.has(file.filename)) continue
    listed.add(file.filename)
    const row = known.get(file.filename)
    if (row === undefined) {
      const fresh = newRow(file, listing)
      if (fresh === undefined) continue
      added.push(fresh)
      if (fresh.sha256 === null) unhashed += 1
      continue
    }
    const change = changeOf(row, file)
    anomalies.push(...change.anomalies)
    const sha256 = row.sha256 === null ? listedSha256(file) : undefined
    if (row.sha256 === null && sha256 === undefined) unhashed += 1
    updates.add(row.id, sha256 === undefined ? change.set : { ...change.set, sha256, admitted_at: at })
  }
  for (const row of rows) {
    if (listed.has(row.filename) || row.withdrawn_at !== null) continue
    anomalies.push({ kind: 'upstream-withdrawn', file: { filename: row.filename, sha256: row.sha256 } })
    updates.add(row.id, { withdrawn_at: at })
  }
  await updates.run(tx)
  for (const some of chunks(added, INSERT_CHUNK)) {
    await tx.insertInto('file').values(some).execute()
    await setImmediate()
  }
  await recordAnomalies(tx, listing, anomalies)
  return { changed: updates.size > 0 || added.length > 0, unhashed }
}

/**
 * One event a listing and kind, with the first files by name and how many there were: an upstream that withdraws
 * thousands, or flaps, fills no table. Going on listing other bytes is the same event, not a new one a refresh.
 */
async function recordAnomalies(
  tx: Transaction<Database>,
  { project, upstream, at }: Listing,
  anomalies: readonly Anomaly[],
): Promise<void> {
  for (const [kind, some] of Map.groupBy(anomalies, (anomaly) => anomaly.kind)) {
    const files = some.slice(0, ANOMALY_FILES).map(({ file }) => file)
    const detail = { upstream, count: some.length, files }
    const last = await tx
      .selectFrom('event')
      .select('detail')
      .where('project', '=', project)
      .where('kind', '=', kind)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (kind.endsWith('mutated') && last?.detail === JSON.stringify(detail)) continue
    await recordEvent(tx, { project, kind, at, actor: `upstream:${upstream}`, detail })
  }
}
