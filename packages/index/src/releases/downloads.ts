import { createHash } from 'node:crypto'
import type { BackgroundWork } from '../background-work.ts'
import type { Blob, BlobStore } from '../blobs/blob-store.ts'
import { isoTime } from '../clock.ts'
import { IndexError, isOwnFailure } from '../error.ts'
import { MAX_PROVENANCE_SIZE, MAX_SIDECAR_SIZE } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import type { FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Fill, FillTable } from '../upstream/fill.ts'
import { SingleFlight } from '../upstream/single-flight.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { notKept, refused, unavailable } from './download-refusal.ts'
import type { DownloadRefusal } from './download-refusal.ts'
import { FileLookup } from './file-lookup.ts'
import type { FileAddress, FileLookupParts } from './file-lookup.ts'
import { metadataInside } from './metadata-inside.ts'
import { sidecarUrl, storeSidecar } from './sidecar.ts'
import { WarmFiles } from './warm-files.ts'
import type { WarmFile } from './warm-files.ts'

export type Download =
  | { readonly kind: 'stored'; readonly blob: Blob; readonly sha256: string }
  /** Under way from the upstream: readers share it (design.md section 12). */
  | { readonly kind: 'filling'; readonly fill: Fill; readonly joined: boolean }
  /** Not here, and not fetched, since only its description was wanted. */
  | { readonly kind: 'described'; readonly size?: number }
  | DownloadRefusal

export interface DownloadsParts extends FileLookupParts {
  readonly blobs: BlobStore
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** One table per upstream, so that one that hangs takes no places from the others. */
  readonly fills: ReadonlyMap<string, FillTable>
  readonly background: BackgroundWork
  /** Work that goes on after the answer could not be finished. */
  readonly onBackgroundFailure: (error: unknown) => void
}

/** Gives out files, their sidecars and their provenance by address; fetches what is not here. */
export class Downloads {
  readonly #parts: DownloadsParts
  readonly #lookup: FileLookup
  readonly #sidecars = new SingleFlight<string, Download>()
  /** Fills whose end is being waited for already. */
  readonly #keeping = new WeakSet<Fill>()
  readonly #warm: WarmFiles

  constructor(parts: DownloadsParts) {
    this.#parts = parts
    this.#lookup = new FileLookup(parts)
    this.#warm = new WarmFiles(parts.current)
  }

  /** What `file` or `sidecar` gave for this small file a moment ago, if nothing has changed since: the warm path. */
  warm(part: 'file' | 'sidecar', address: FileAddress): WarmFile | undefined {
    return this.#warm.get(part, address)
  }

  /** With `wanted` at `description` (a HEAD, a condition that holds) nothing is fetched for a file that is not here. */
  async file(address: FileAddress, wanted: 'content' | 'description' = 'content'): Promise<Download> {
    const { generation } = this.#parts.current
    const found = await this.#lookup.find(address, wanted === 'content' ? 'download' : 'look')
    if (found.kind === 'refused') return found
    const { row, sha256, decided } = found
    const { unasked } = this.#parts
    // What was fetched and could not be noted as stored is kept all the same.
    if (row.stored === 1 || unasked !== undefined) {
      const blob = await this.#whole(sha256, row.size)
      const file = { kind: 'stored', blob, sha256 } as const
      if (blob !== undefined)
        return decided ? this.#stored(generation, 'file', address, { ...file, blob }) : { ...file, blob }
    }
    if (row.source === LOCAL_SOURCE) {
      // Not a 404: the file exists, and whoever asks again after a repair gets it (attacks.md 6.5 row 9).
      throw new IndexError(
        'blob-missing',
        `The bytes of ${row.filename} are lost: "waxseal doctor" on the server tells more; the same file uploaded again heals it.`,
      )
    }
    if (unasked !== undefined) return notKept(row.filename, unasked)
    if (wanted === 'description') return { kind: 'described', ...(row.size === null ? {} : { size: row.size }) }
    return this.#fill(row, sha256)
  }

  /** The core metadata of a file (PEP 658): byte for byte what the file itself holds. */
  async sidecar(address: FileAddress): Promise<Download> {
    const { generation } = this.#parts.current
    const found = await this.#lookup.find(address, 'look')
    if (found.kind === 'refused') return found
    const { row, decided } = found
    if (row.has_metadata === 0) return refused('file-not-found', `There is no separate metadata for ${row.filename}.`)
    if (row.metadata_sha256 !== null) {
      const blob = await this.#parts.blobs.get(row.metadata_sha256)
      const file = { kind: 'stored', blob, sha256: row.metadata_sha256 } as const
      if (blob !== undefined)
        return decided ? this.#stored(generation, 'sidecar', address, { ...file, blob }) : { ...file, blob }
    }
    if (row.source === LOCAL_SOURCE) {
      throw new IndexError('blob-missing', `The metadata of ${row.filename} is not in the blob store.`)
    }
    return this.#sidecars.run(`${row.source}/${row.id}`, () => this.#missingSidecar(row))
  }

  /** The provenance document (PEP 740) of an upstream file, as the upstream gives it now: it may grow over time. */
  async provenance(
    address: FileAddress,
  ): Promise<DownloadRefusal | { readonly kind: 'document'; readonly bytes: Uint8Array }> {
    const found = await this.#lookup.find(address, 'look')
    if (found.kind === 'refused') return found
    const { row } = found
    const { unasked } = this.#parts
    if (row.provenance_url !== null && unasked !== undefined) {
      return notKept(`The provenance of ${row.filename}`, unasked)
    }
    const upstream = this.#parts.upstreams.get(row.source)
    if (row.provenance_url === null || upstream === undefined) {
      return refused('file-not-found', `No provenance is available for ${row.filename}.`)
    }
    const answer = await upstream.fetchSmall(row.provenance_url, MAX_PROVENANCE_SIZE)
    switch (answer.kind) {
      case 'found':
        return { kind: 'document', bytes: answer.bytes }
      case 'absent':
        return refused('file-not-found', `No provenance is available for ${row.filename}.`)
      case 'failed':
        return unavailable(row.source, answer)
    }
  }

  /** Takes bytes out of the way that turned out to be damaged: who asks again gets them healed, or told that they are lost. */
  async setAside(sha256: string): Promise<void> {
    if (this.#parts.unasked === 'read-only') return
    const place = await this.#parts.blobs.setAside(sha256)
    if (place === undefined) return
    const message = `The blob ${sha256} did not hold what its name says; what it held is now in ${place}.`
    this.#parts.onBackgroundFailure(new IndexError('blob-damaged', message))
  }

  /** The blob, unless it has another size than was stored: it would only be refused by whoever gets it. */
  async #whole(sha256: string, size: number | null): Promise<Blob | undefined> {
    const blob = await this.#parts.blobs.get(sha256)
    if (blob === undefined || size === null || blob.size === size) return blob
    await this.setAside(sha256)
    return undefined
  }

  #stored(generation: number, part: 'file' | 'sidecar', address: FileAddress, file: WarmFile): WarmFile {
    this.#warm.keep(generation, part, address, file)
    return file
  }

  #fill(row: FileRow, sha256: string): Download {
    const upstream = this.#parts.upstreams.get(row.source)
    const fills = this.#parts.fills.get(row.source)
    const { url } = row
    if (upstream === undefined || fills === undefined || url === null) {
      return refused(
        'upstream-unavailable',
        `The upstream ${row.source} is not configured any more, and no copy was kept here.`,
      )
    }
    const fill = fills.start({
      sha256,
      filename: row.filename,
      ...(row.size === null ? {} : { size: row.size }),
      open: () => upstream.openFile(url),
    })
    const joined = this.#keeping.has(fill)
    if (!joined) {
      this.#keeping.add(fill)
      const kept = fill.done.then((result) => this.#kept(row, result.size))
      void this.#parts.background.add(kept.catch((error: unknown) => this.#lost(error)))
    }
    return { kind: 'filling', fill, joined }
  }

  /** An upstream's failure is told to the readers of the fill; ours is told to the log. */
  #lost(error: unknown): void {
    if (isOwnFailure(error)) this.#parts.onBackgroundFailure(error)
  }

  async #kept(row: FileRow, size: number): Promise<void> {
    const { store, clock, publisher } = this.#parts
    await store.transaction(async (tx) => {
      await tx.updateTable('file').set({ stored: 1, size }).where('id', '=', row.id).execute()
      // Its size, or its staying after a withdrawal, is news for the page.
      if (row.size !== size || row.withdrawn_at !== null) {
        await appendJournal(tx, { project: row.project, action: 'refresh', at: isoTime(clock), actor: null })
      }
      // Forgotten, the file is fetched once more.
    }, 'with-the-next')
    await publisher.publish()
  }

  async #missingSidecar(row: FileRow): Promise<Download> {
    const wheel = row.sha256 === null ? undefined : await this.#parts.blobs.get(row.sha256)
    const bytes = wheel && (await metadataInside(wheel, row.metadata_sha256))
    if (bytes !== undefined) return this.#ownSidecar(row, bytes)
    const { unasked } = this.#parts
    if (unasked !== undefined) return notKept(`The metadata of ${row.filename}`, unasked)
    return this.#fetchSidecar(row)
  }

  /** The wheel that is here has it; nobody who asks for it suffers when it cannot be kept beside the wheel. */
  async #ownSidecar(row: FileRow, bytes: Buffer): Promise<Download> {
    if (this.#parts.unasked !== 'read-only') {
      await storeSidecar(this.#parts, row, bytes).catch(this.#parts.onBackgroundFailure)
    }
    const blob: Blob = {
      size: bytes.length,
      async *stream({ start, end } = { start: 0, end: bytes.length }) {
        yield bytes.subarray(start, end)
      },
    }
    return { kind: 'stored', blob, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  async #fetchSidecar(row: FileRow): Promise<Download> {
    const upstream = this.#parts.upstreams.get(row.source)
    if (upstream === undefined || row.url === null) {
      return refused('upstream-unavailable', `The upstream ${row.source} is not configured any more.`)
    }
    const answer = await upstream.fetchSmall(sidecarUrl(row.url), MAX_SIDECAR_SIZE)
    switch (answer.kind) {
      case 'absent':
        return refused('file-not-found', `${row.source} does not have the metadata of ${row.filename} that it lists.`)
      case 'failed':
        return unavailable(row.source, answer)
      case 'found': {
        const stored = await storeSidecar(this.#parts, row, answer.bytes)
        if (stored.kind === 'mismatch') {
          return refused(
            'upstream-file-changed',
            `${row.source} serves other metadata for ${row.filename} than it lists; nothing of it is given out.`,
          )
        }
        const blob = await this.#parts.blobs.get(stored.sha256)
        if (blob === undefined) return refused('file-not-found', `The metadata of ${row.filename} could not be kept.`)
        return { kind: 'stored', blob, sha256: stored.sha256 }
      }
    }
  }
}
