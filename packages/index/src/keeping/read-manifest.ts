import { hash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { isMissing } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { MAX_MANIFEST_SIZE } from '../limits.ts'
import type { Manifest } from './backup-format.ts'
import { MANIFEST, MANIFEST_SUM, parseManifest } from './backup-format.ts'

/** The manifest and the file that has its digest. */
export function manifestFiles(manifest: Manifest): readonly (readonly [name: string, bytes: Buffer])[] {
  const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)
  return [
    [MANIFEST, bytes],
    [MANIFEST_SUM, Buffer.from(`${hash('sha256', bytes)}  ${MANIFEST}\n`)],
  ]
}

/** @throws IndexError `backup-damaged` when the two do not belong together or say nothing that makes sense */
export function checkManifest(bytes: Uint8Array, sum: Uint8Array): Manifest {
  const text = Buffer.from(bytes).toString()
  if (
    !Buffer.from(sum)
      .toString()
      .startsWith(`${hash('sha256', bytes)} `)
  ) {
    throw new IndexError('backup-damaged', `${MANIFEST} is not the file that was written; its digest is another.`)
  }
  return parseManifest(text)
}

/** The manifest at `path`. @throws IndexError `backup-damaged` */
export async function readManifest(path: string): Promise<Manifest> {
  try {
    return checkManifest(await readSmall(path), await readSmall(`${path}.sha256`))
  } catch (error) {
    if (isMissing(error)) throw new IndexError('backup-damaged', `${path} or its digest is missing.`, { cause: error })
    throw error
  }
}

async function readSmall(path: string): Promise<Buffer> {
  await using handle = await open(path)
  if ((await handle.stat()).size > MAX_MANIFEST_SIZE) throw new IndexError('backup-damaged', `${path} is too long.`)
  return await readFile(handle)
}
