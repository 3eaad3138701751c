import { hash } from 'node:crypto'
import { parseSimpleJson } from '@waxseal/packaging'
import type { SimpleProjectPage } from '@waxseal/packaging'
import type { BodyStore } from '../blobs/recent-blobs.ts'
import { IndexError } from '../error.ts'

/**
 * The published bytes of a page, checked against their name: once per cached form, and never a damaged page for a whole one.
 * Throws IndexError `blob-missing` when the store lost them, `blob-damaged` when it has others.
 */
export async function readPageBody(bodies: BodyStore, sha256: string): Promise<Buffer> {
  const blob = await bodies.get(sha256)
  if (blob === undefined)
    throw new IndexError('blob-missing', `The page body ${sha256} is missing from the blob store.`)
  const pieces: Uint8Array[] = []
  for await (const piece of blob.stream()) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  if (hash('sha256', bytes) !== sha256) {
    throw new IndexError('blob-damaged', `The page body ${sha256} has other bytes in the blob store.`)
  }
  return bytes
}

/** A published page as data, its file addresses as they stand in it: relative, so that it holds under any host. */
export async function readPublishedPage(bodies: BodyStore, sha256: string): Promise<SimpleProjectPage> {
  return parseSimpleJson(await readPageBody(bodies, sha256))
}
