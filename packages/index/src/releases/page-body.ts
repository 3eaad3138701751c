import { readSimpleJson } from '@waxseal/packaging'
import type { SimpleProjectPage } from '@waxseal/packaging'
import type { BlobStore } from '../blobs/blob-store.ts'
import { IndexError } from '../error.ts'

/** The published bytes of a page. Throws IndexError `blob-missing` when the store lost them. */
export async function readPageBody(blobs: BlobStore, sha256: string): Promise<Buffer> {
  const blob = await blobs.get(sha256)
  if (blob === undefined)
    throw new IndexError('blob-missing', `The page body ${sha256} is missing from the blob store.`)
  const pieces: Uint8Array[] = []
  for await (const piece of blob.stream()) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** A published page as data, as any client reads it. */
export async function readPublishedPage(blobs: BlobStore, project: string, sha256: string): Promise<SimpleProjectPage> {
  const bytes = await readPageBody(blobs, sha256)
  // The base only gives relative file addresses something to stand on; our own pages hold no host.
  return readSimpleJson(bytes, { baseUrl: `http://index.invalid/simple/${project}/`, project }).page
}
