import { isoTime } from '../clock.ts'
import { DOCTOR_BATCH } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import type { FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Findings, Repair } from './doctor-findings.ts'
import type { RepairParts } from './doctor-repair.ts'
import { fromBackup, orWhyNot } from './doctor-repair.ts'
import { findBlob } from './pool-blobs.ts'
import { lostForGood } from './repair-from-upstream.ts'

/**
 * Takes from the backup, where one was given, what rows say is to be fetched when somebody asks, and what is not to be
 * had from its upstream any more. What the upstream has, or may have later, is left to it.
 */
export async function recoverNotStored(parts: RepairParts, findings: Findings): Promise<void> {
  const { backup, store, publisher } = parts
  if (backup === undefined) return
  for (let after = 0; ;) {
    const some = await store.db
      .selectFrom('file')
      .selectAll()
      .where('id', '>', after)
      .where('source', '<>', LOCAL_SOURCE)
      .where('stored', '=', 0)
      .where('deleted_at', 'is', null)
      .where('sha256', 'is not', null)
      .orderBy('id')
      .limit(DOCTOR_BATCH)
      .execute()
    for (const row of some) {
      const { sha256 } = row
      if (sha256 === null || typeof (await findBlob(backup, sha256)) === 'string') continue
      const why = await unobtainable(parts, row)
      if (why === undefined) continue
      parts.held.throwIfAborted()
      const repair = await orWhyNot(() => recover(parts, row, sha256))
      findings.add('file-unobtainable', `file of ${row.project}: ${row.filename}; ${why}`, { sha256, repair })
    }
    const last = some.at(-1)
    if (last === undefined) break
    after = last.id
  }
  await publisher.publish()
}

/** Why the upstream of a file does not give it, in a clause; undefined: it does, or may later. Nothing is fetched. */
async function unobtainable(parts: RepairParts, row: FileRow): Promise<string | undefined> {
  const { source, url, size } = row
  const upstream = parts.upstreams.get(source)
  if (upstream !== undefined && url !== null) {
    const answer = await upstream.openFile(url)
    switch (answer.kind) {
      case 'open':
        answer.close()
        if (size === null || answer.size === undefined || answer.size === size) return undefined
        return `${source} has another file in its place`
      case 'absent':
        return `${source} does not have it any more`
      case 'failed':
    }
  }
  return lostForGood(parts, row)
}

async function recover(parts: RepairParts, { id, project }: FileRow, sha256: string): Promise<Repair> {
  const { store, blobs, clock } = parts
  const how = await fromBackup(parts, sha256)
  const size = (await blobs.head(sha256))?.size
  if (how === undefined || size === undefined) return { done: false, how: 'the backup has it damaged' }
  await store.transaction(async (tx) => {
    await tx.updateTable('file').set({ stored: 1, size }).where('id', '=', id).execute()
    await appendJournal(tx, { project, action: 'refresh', at: isoTime(clock), actor: null })
  })
  return { done: true, how }
}
