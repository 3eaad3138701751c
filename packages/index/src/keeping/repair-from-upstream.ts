import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { appendJournal } from '../publish/journal.ts'
import type { FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import { receiveFile } from '../upstream/receive-file.ts'
import type { Mention } from './blob-mentions.ts'
import { isSpokenOf } from './blob-mentions.ts'
import type { Repair } from './doctor-findings.ts'
import type { RepairParts } from './doctor-repair.ts'

/** What became of asking an upstream for a file: `later` it may give it, `lost` it will not, and why. */
type Asked = { readonly kind: 'fetched' | 'later' } | { readonly kind: 'lost'; readonly why: string }

/**
 * Fetches a file again from where it came. Where the upstream says nothing now and may have it later, the file is no
 * longer said to be stored, so that it is fetched when somebody asks. Where that cannot be hoped for nothing is changed:
 * it stays an error, and a backup that has it is taken for it. Undefined: no upstream's file is what it is.
 */
export async function fromUpstream(
  parts: RepairParts,
  sha256: string,
  mentions: readonly Mention[],
): Promise<Repair | undefined> {
  const files = parts.store.db.selectFrom('file').selectAll().where('source', '<>', LOCAL_SOURCE)
  const rows = await files.where('sha256', '=', sha256).where('stored', '=', 1).execute()
  let lost: string | undefined
  for (const row of rows) {
    const asked = await fetchAgain(parts, row, sha256)
    if (asked.kind === 'fetched') return { done: true, how: `fetched again from ${row.source}` }
    if (asked.kind === 'lost') lost ??= asked.why
  }
  if (lost !== undefined) return { done: false, how: lost }
  if (rows.length === 0) return undefined
  await notStored(parts, rows)
  return (await isSpokenOf(parts.store, sha256, mentions))
    ? undefined
    : { done: true, how: 'no longer said to be stored: it is fetched when somebody asks for it' }
}

async function fetchAgain(parts: RepairParts, row: FileRow, sha256: string): Promise<Asked> {
  const { blobs, spool, upstreams } = parts
  const { url, filename, size, source } = row
  const upstream = upstreams.get(source)
  if (upstream !== undefined && url !== null) {
    const expected = { filename, sha256, ...(size === null ? {} : { size }), open: () => upstream.openFile(url) }
    try {
      await blobs.put(sha256, await receiveFile(expected, spool))
      return { kind: 'fetched' }
    } catch (error) {
      const code = error instanceof IndexError ? error.code : undefined
      if (code === 'not-found') return { kind: 'lost', why: `${source} does not have it any more` }
      if (code === 'digest-mismatch') return { kind: 'lost', why: `${source} has another file in its place` }
      if (code !== 'upstream-failed') throw error
    }
  }
  const why = lostForGood(parts, row)
  return why === undefined ? { kind: 'later' } : { kind: 'lost', why }
}

/** Why nobody can be asked for a file later, in a clause; undefined: its upstream can be. */
export function lostForGood({ configured }: RepairParts, row: FileRow): string | undefined {
  const { source, url, withdrawn_at } = row
  if (!configured.has(source)) return `${source} is not configured any more`
  return url === null || withdrawn_at !== null ? `${source} lists it no more` : undefined
}

async function notStored({ store, clock, publisher }: RepairParts, rows: readonly FileRow[]): Promise<void> {
  await store.transaction(async (tx) => {
    for (const { id, project } of rows) {
      await tx.updateTable('file').set({ stored: 0 }).where('id', '=', id).execute()
      await appendJournal(tx, { project, action: 'refresh', at: isoTime(clock), actor: null })
    }
  })
  await publisher.publish()
}
