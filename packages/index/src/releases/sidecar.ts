import { createHash } from 'node:crypto'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { appendJournal } from '../publish/journal.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { FileRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** Where the metadata of a file stands: `.metadata` after its path, before any query (PEP 658). */
export function sidecarUrl(fileUrl: string): string {
  const url = new URL(fileUrl)
  url.pathname += '.metadata'
  url.hash = ''
  return url.href
}

/**
 * Keeps the sidecar of an upstream file. Its digest is checked when the upstream listed one; else this first digest is
 * recorded, holds from now on and goes to the page.
 */
export async function storeSidecar(
  parts: {
    readonly store: Store
    readonly blobs: BlobStore
    readonly clock: Clock
    readonly publisher: Publisher
  },
  row: FileRow,
  bytes: Uint8Array,
): Promise<{ readonly kind: 'stored'; readonly sha256: string } | { readonly kind: 'mismatch' }> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (row.metadata_sha256 !== null && row.metadata_sha256 !== sha256) return { kind: 'mismatch' }
  await parts.blobs.put(sha256, bytes)
  if (row.metadata_sha256 !== null) return { kind: 'stored', sha256 }
  const recorded = await parts.store.transaction(async (tx) => {
    const now = await tx.selectFrom('file').select('metadata_sha256').where('id', '=', row.id).executeTakeFirst()
    if (now?.metadata_sha256) return now.metadata_sha256
    await tx.updateTable('file').set({ metadata_sha256: sha256 }).where('id', '=', row.id).execute()
    await appendJournal(tx, { project: row.project, action: 'refresh', at: isoTime(parts.clock), actor: null })
    return sha256
  })
  await parts.publisher.publish()
  return recorded === sha256 ? { kind: 'stored', sha256 } : { kind: 'mismatch' }
}
