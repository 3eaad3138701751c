import { parseCoreMetadata } from '@waxseal/packaging'
import type { BlobStore } from '../blobs/blob-store.ts'
import { MAX_SIDECAR_SIZE } from '../limits.ts'
import type { FileRow } from '../store/schema.ts'
import type { JsonApiSource, ReleaseMetadata } from './json-api.ts'

/** Core metadata of releases that came from an upstream, from the sidecars that are kept here already. */
export class ProjectMetadata {
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** `source` with the metadata of the release it is about, if a sidecar is at hand; nothing is fetched for it. */
  async complete(source: JsonApiSource, release: string): Promise<JsonApiSource> {
    if (source.metadata.has(release)) return source
    for (const file of source.files) {
      if (file.version_key !== release) continue
      const found = await this.#read(file)
      if (found !== undefined) return { ...source, metadata: new Map([...source.metadata, [release, found]]) }
    }
    return source
  }

  async #read({ metadata_sha256: sha256 }: FileRow): Promise<ReleaseMetadata | undefined> {
    if (sha256 === null) return undefined
    const blob = await this.#blobs.get(sha256)
    if (blob === undefined || blob.size > MAX_SIDECAR_SIZE) return undefined
    const pieces: Uint8Array[] = []
    for await (const piece of blob.stream()) pieces.push(piece)
    try {
      return parseCoreMetadata(Buffer.concat(pieces))
    } catch {
      // What an upstream calls metadata need not be any; the document then goes without.
      return undefined
    }
  }
}
