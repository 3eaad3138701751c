import { parseSimpleJson } from '@waxseal/packaging'
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

/** A published page as data, its file addresses as they stand in it: relative, so that it holds under any host. */
export async function readPublishedPage(blobs: BlobStore, sha256: string): Promise<SimpleProjectPage> {
  return parseSimpleJson(await readPageBody(blobs, sha256))
}
