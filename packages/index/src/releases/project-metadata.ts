import { parseCoreMetadata } from '@waxseal/packaging'
import type { BlobStore } from '../blobs/blob-store.ts'
import { MAX_SIDECAR_SIZE } from '../limits.ts'
import type { JsonApiSource, ReleaseMetadata } from './json-api.ts'

/** The sidecars, by sha256, that may tell the metadata of `release`; none where it is known from its upload. */
export function sidecarsOf(source: JsonApiSource, release: string): readonly string[] {
  if (source.metadata.has(release)) return []
  const sidecars = new Set<string>()
  for (const { file } of source.files) {
    if (file.version_key === release && file.metadata_sha256 !== null) sidecars.add(file.metadata_sha256)
  }
  return [...sidecars]
}

/** Core metadata of releases that came from an upstream, from the sidecars that are kept here already. */
export class ProjectMetadata {
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** The first of these sidecars that is at hand; nothing is fetched for it. */
  async firstKept(sidecars: Iterable<string>): Promise<string | undefined> {
    for (const sha256 of sidecars) {
      if ((await this.#blobs.head(sha256)) !== undefined) return sha256
    }
    return undefined
  }

  /** `source` with what `sidecar` says as the metadata of `release`. */
  async complete(source: JsonApiSource, release: string, sidecar: string | undefined): Promise<JsonApiSource> {
    const found = sidecar === undefined ? undefined : await this.#read(sidecar)
    return found === undefined ? source : { ...source, metadata: new Map([...source.metadata, [release, found]]) }
  }

  async #read(sha256: string): Promise<ReleaseMetadata | undefined> {
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
