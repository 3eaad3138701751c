import type { Blob, BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError, isOwnFailure } from '../error.ts'
import { MAX_PROVENANCE_SIZE, MAX_SIDECAR_SIZE } from '../limits.ts'
import { recordDecision } from '../names/decisions.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import { appendJournal } from '../publish/journal.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Fill, FillTable } from '../upstream/fill.ts'
import { SingleFlight } from '../upstream/single-flight.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Offers } from './offers.ts'
import { withheldBecause } from './page.ts'
import { sidecarUrl, storeSidecar } from './sidecar.ts'
import { WarmFiles } from './warm-files.ts'
import type { WarmFile } from './warm-files.ts'

/** Which file is asked for: the three parts of its address. */
export interface FileAddress {
  readonly project: string
  readonly sha256: string
  readonly filename: string
}

export type DownloadRefusalCode =
  | 'file-deleted'
  | 'file-not-found'
  | 'file-quarantined'
  | 'file-withdrawn'
  | 'name-reserved'
  | 'upstream-file-changed'
  | 'upstream-unavailable'

/** Why a file is not given out; a value, since it is an answer like any other. */
export interface DownloadRefusal {
  readonly kind: 'refused'
  readonly code: DownloadRefusalCode
  readonly message: string
  readonly retryAfterMs?: number
}

export type Download =
  | { readonly kind: 'stored'; readonly blob: Blob; readonly sha256: string }
  /** Under way from the upstream: readers share it (design.md section 12). */
  | { readonly kind: 'filling'; readonly fill: Fill }
  /** Not here, and not fetched, since only its description was wanted. */
  | { readonly kind: 'described'; readonly size?: number }
  | DownloadRefusal

export interface DownloadsParts {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly current: CurrentProjects
  readonly offers: Offers
  readonly publisher: Publisher
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** One table per upstream, so that one that hangs takes no places from the others. */
  readonly fills: ReadonlyMap<string, FillTable>
  /** Work that goes on after the answer could not be finished. */
  readonly onBackgroundFailure: (error: unknown) => void
}

/** Where an undecided name was found, and with what evidence. */
interface Sighting {
  readonly kind: 'seen'
  readonly upstream: string
  readonly evidence: readonly string[]
  readonly found: Found
}

/** A file that may be given out, and the name's state it was found under. */
interface Found {
  readonly kind: 'found'
  readonly row: FileRow
  readonly sha256: string
  /** Whether the name belongs to its source for good: only then may the answer be kept. */
  readonly decided: boolean
}

/** Finds files, their sidecars and their provenance by address; fetches what is not here; decides names by it. */
export class Downloads {
  readonly #parts: DownloadsParts
  readonly #sidecars = new SingleFlight<string, Download>()
  /** Fills whose end is being waited for already. */
  readonly #keeping = new WeakSet<Fill>()
  readonly #warm: WarmFiles

  constructor(parts: DownloadsParts) {
    this.#parts = parts
    this.#warm = new WarmFiles(parts.current)
  }

  /** What `file` or `sidecar` gave for this small file a moment ago, if nothing has changed since: the warm path. */
  warm(part: 'file' | 'sidecar', address: FileAddress): WarmFile | undefined {
    return this.#warm.get(part, address)
  }

  /** With `wanted` at `description` (a HEAD, a condition that holds) nothing is fetched for a file that is not here. */
  async file(address: FileAddress, wanted: 'content' | 'description' = 'content'): Promise<Download> {
    const { generation } = this.#parts.current
    const found = await this.#find(address, wanted === 'content' ? 'download' : 'look')
    if (found.kind === 'refused') return found
    const { row, sha256, decided } = found
    if (row.stored === 1) {
      const blob = await this.#parts.blobs.get(sha256)
      const file = { kind: 'stored', blob, sha256 } as const
      if (blob !== undefined)
        return decided ? this.#stored(generation, 'file', address, { ...file, blob }) : { ...file, blob }
    }
    if (row.source === LOCAL_SOURCE) {
      // Not a 404: the file exists, and whoever asks again after a repair gets it (attacks.md 6.5 row 9).
      throw new IndexError('blob-missing', `The bytes of ${row.filename} (${sha256}) are missing from the blob store.`)
    }
    if (wanted === 'description') return { kind: 'described', ...(row.size === null ? {} : { size: row.size }) }
    return this.#fill(row, sha256)
  }

  /** The core metadata of a file (PEP 658): byte for byte what the file itself holds. */
  async sidecar(address: FileAddress): Promise<Download> {
    const { generation } = this.#parts.current
    const found = await this.#find(address, 'look')
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
      throw new IndexError('blob-missing', `The metadata of ${row.filename} is missing from the blob store.`)
    }
    return this.#sidecars.run(`${row.source}/${row.id}`, () => this.#fetchSidecar(row))
  }

  /** The provenance document (PEP 740) of an upstream file, as the upstream gives it now: it may grow over time. */
  async provenance(
    address: FileAddress,
  ): Promise<DownloadRefusal | { readonly kind: 'document'; readonly bytes: Uint8Array }> {
    const found = await this.#find(address, 'look')
    if (found.kind === 'refused') return found
    const { row } = found
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

  #stored(generation: number, part: 'file' | 'sidecar', address: FileAddress, file: WarmFile): WarmFile {
    this.#warm.keep(generation, part, address, file)
    return file
  }

  /**
   * Whether, and as what, the name's authority gives this file out (attacks.md 6.5, the download columns). Only a
   * download decides an undecided name: resolvers look at metadata of much that they never install.
   */
  async #find(address: FileAddress, purpose: 'download' | 'look'): Promise<Found | DownloadRefusal> {
    const state = await this.#parts.current.get(address.project)
    // Closed here: by any address, and no upstream need be asked about it (attacks.md 6.5 row 27).
    if (state.project?.status === 'quarantined') return quarantined(state)
    switch (state.answer.kind) {
      case 'reserved':
        return refused('name-reserved', `${address.project} is a name of this index only; it has no such file.`)
      case 'internal':
        return this.#row(state, address, LOCAL_SOURCE)
      case 'upstream':
        return this.#listed(state, address, state.answer.upstream)
      case 'undecided':
        return purpose === 'download' ? this.#decide(address) : this.#lookUndecided(address)
    }
  }

  /** A listed row, after one look at the upstream if it is not there: a lock file may know more than we saw yet. */
  async #listed(state: ProjectState, address: FileAddress, source: string): Promise<Found | DownloadRefusal> {
    const first = await this.#row(state, address, source)
    // Neither is a quarantine of the upstream's the last word: it lifts with the upstream.
    const mayBeOld = first.kind === 'refused' && (first.code === 'file-not-found' || first.code === 'file-quarantined')
    if (!mayBeOld) return first
    const offer = await this.#parts.offers.of(address.project)
    if (offer.kind === 'unavailable') return unavailable(offer.upstream, offer)
    return this.#row(await this.#parts.current.get(address.project), address, source)
  }

  async #row(state: ProjectState, address: FileAddress, source: string): Promise<Found | DownloadRefusal> {
    const { project, sha256, filename } = address
    const row = await this.#parts.store.db
      .selectFrom('file')
      .selectAll()
      .where('project', '=', project)
      .where('source', '=', source)
      .where('filename', '=', filename)
      .where('sha256', '=', sha256)
      .executeTakeFirst()
    if (row === undefined) {
      return source === LOCAL_SOURCE && (await this.#knownElsewhere(project, sha256))
        ? refused(
            'name-reserved',
            `${project} is answered by this index only; the file of an upstream does not belong to it.`,
          )
        : refused('file-not-found', `${project} has no file ${filename} with this sha256.`)
    }
    const withheld = withheldBecause(row)
    if (withheld === 'deleted') return refused('file-deleted', `${filename} was deleted from this index.`)
    if (state.status === 'quarantined') return quarantined(state)
    if (withheld === 'withdrawn') {
      return refused('file-withdrawn', `${row.source} does not offer ${filename} any more, and no copy was kept here.`)
    }
    return { kind: 'found', row, sha256, decided: state.answer.kind !== 'undecided' }
  }

  async #knownElsewhere(project: string, sha256: string): Promise<boolean> {
    const row = await this.#parts.store.db
      .selectFrom('file')
      .select('id')
      .where('project', '=', project)
      .where('sha256', '=', sha256)
      .where('source', '<>', LOCAL_SOURCE)
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  }

  /**
   * The first download of an undecided name decides its upstream, once, by a recorded decision: the first in order
   * that has it while all before it said no (design.md section 8). A failing upstream decides nothing.
   */
  async #decide(address: FileAddress): Promise<Found | DownloadRefusal> {
    const { store, clock, current, publisher } = this.#parts
    const { project: name } = address
    const seen = await this.#search(address)
    if (seen.kind === 'refused') return seen
    const { upstream, evidence } = seen
    const at = isoTime(clock)
    const decided = await store.transaction(async (tx) => {
      const project = await tx.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
      if (project?.authority !== 'unclaimed') return false
      await tx.updateTable('project').set({ authority: 'upstream', upstream }).where('name', '=', name).execute()
      await recordDecision(tx, {
        project: name,
        at,
        actor: 'first-download',
        body: { kind: 'upstream', upstream, evidence },
      })
      await appendJournal(tx, { project: name, action: 'authority', at, actor: null })
      return true
    })
    if (decided) await publisher.publish()
    current.forget([name])
    const state = await current.get(name)
    if (state.answer.kind === 'undecided') return refused('file-not-found', `${name} is not offered any more.`)
    if (state.answer.kind === 'reserved') return refused('name-reserved', `${name} is a name of this index only.`)
    return this.#row(state, address, state.answer.kind === 'internal' ? LOCAL_SOURCE : state.answer.upstream)
  }

  /** What the name offers for now, its upstream still undecided. */
  async #lookUndecided(address: FileAddress): Promise<Found | DownloadRefusal> {
    const seen = await this.#search(address)
    return seen.kind === 'refused' ? seen : seen.found
  }

  /** The upstream that an undecided name would belong to now, and the file as it lists it. */
  async #search(address: FileAddress): Promise<Sighting | DownloadRefusal> {
    const { current, offers } = this.#parts
    const { project: name } = address
    const result = await offers.search(name)
    if (result.kind === 'failed') return unavailable(result.upstream, result)
    if (result.kind === 'absent') return refused('file-not-found', `No index behind this one has a project ${name}.`)
    const found = await this.#row(await current.get(name), address, result.upstream)
    return found.kind === 'refused' ? found : { ...result, kind: 'seen', found }
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
    if (!this.#keeping.has(fill)) {
      this.#keeping.add(fill)
      fill.done.then((result) => this.#kept(row, result.size)).catch((error: unknown) => this.#lost(error))
    }
    return { kind: 'filling', fill }
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
    })
    await publisher.publish()
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

function refused(code: DownloadRefusalCode, message: string, retryAfterMs?: number): DownloadRefusal {
  return { kind: 'refused', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

function quarantined({ name, statusReason }: ProjectState): DownloadRefusal {
  return refused('file-quarantined', `${name} is quarantined${statusReason === null ? '' : `: ${statusReason}`}`)
}

function unavailable(
  upstream: string,
  failure: { readonly reason: string; readonly retryAfterMs?: number },
): DownloadRefusal {
  return refused(
    'upstream-unavailable',
    `The upstream ${upstream} does not answer. ${failure.reason}`,
    failure.retryAfterMs,
  )
}
