import { createHash } from 'node:crypto'
import type { Blob } from './blob-store.ts'

/** Whether a stored blob holds what its name says; all of it is read. Throws as reading does. */
export async function hashesTo(blob: Blob, sha256: string): Promise<boolean> {
  const digest = createHash('sha256')
  for await (const chunk of blob.stream()) digest.update(chunk)
  return digest.digest('hex') === sha256
}
