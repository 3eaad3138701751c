import { createHash, hash } from 'node:crypto'
import { classifyDistribution } from '@waxseal/packaging'
import { TrustError } from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { notOffered, unavailable, unreachable } from './failures.ts'
import type { CachedFile } from './file-cache.ts'
import {
  AHEAD_AT_A_TIME,
  FILE_DEADLINE_MS,
  FRESH_MS,
  MAX_FILE_BYTES,
  MAX_REPORTED,
  MAX_SIDECAR_BYTES,
  PAGE_DEADLINE_MS,
  WHOLE_FILE_BYTES,
} from './limits.ts'
import { FetchingAhead } from './fetching-ahead.ts'
import { directDependency } from './direct-dependency.ts'
import { decideName } from './name-decision.ts'
import type { NameDecision } from './name-decision.ts'
import { loadPage, pageTarget } from './page-loader.ts'
import type { PageLoaderParts } from './page-loader.ts'
import type { OfferedPage } from './offered-page.ts'
import type { OfferedFile } from './page-rules.ts'
import { NO_RECORD_SEEN } from './pins.ts'
import type { VerifiedPage, VerifiedPages } from './verified-page.ts'
import { readWheelMetadata } from './wheel-metadata.ts'

/** How much of a requirement is shown, in characters. */
const MAX_SHOWN = 200

/** One file that is asked for, by all that its address says. */
export interface WantedFile {
  readonly project: string
  readonly sha256: string
  readonly filename: string
}

/**
 * What an index offers, from signed data alone (design.md section 10): pages made anew, files and sidecars handed on once length
 * and sha256 are right.
 */
export class VerifiedIndex implements VerifiedPages, Disposable {
  readonly #parts: PageLoaderParts
  readonly #pages = new Map<string, { readonly until: number; readonly page: Promise<OfferedPage | undefined> }>()
  readonly #receiving = new Map<string, Promise<void>>()
  readonly #ahead: FetchingAhead
  /** The snapshot in which each name was looked at, the last so many. */
  readonly #looked = new Map<string, number>()
  /** What this guard has received itself, the last so many. */
  readonly #received = new Set<string>()
  #fresh: { readonly until: number; readonly refreshed: Promise<void> } | undefined

  constructor(parts: PageLoaderParts) {
    this.#parts = parts
    this.#ahead = new FetchingAhead(
      { now: parts.now, installs: parts.installs },
      (project) => this.#kept(project),
      async (wanted) => {
        const { offered } = await this.#find(wanted)
        if (!(await parts.cache.has(wanted.sha256))) await this.#shared(wanted, offered)
        else if ((offered.file.size ?? 0) > WHOLE_FILE_BYTES) await parts.cache.check(wanted.sha256)
      },
    )
  }

  /**
   * Brings what is trusted up to date, at most once in a while: what is asked meanwhile waits for it.
   * @throws GuardError
   */
  async refresh(now = this.#parts.now()): Promise<void> {
    if (this.#fresh === undefined || this.#fresh.until <= now) {
      this.#fresh = { until: now + FRESH_MS, refreshed: this.#parts.state.refresh() }
    }
    await this.#fresh.refreshed
  }

  [Symbol.dispose](): void {
    this.#ahead[Symbol.dispose]()
  }

  async page(project: string): Promise<VerifiedPage | undefined> {
    return (await this.offered(project))?.verified()
  }

  /** What decides about a name, whether or not anything of it is handed on. @throws GuardError */
  async decision(project: string): Promise<NameDecision> {
    return await decideName(this.#parts, project, this.#parts.pins.of(project) ?? NO_RECORD_SEEN)
  }

  /** The page to hand on. Undefined: nobody offers the name. @throws GuardError */
  async offered(project: string): Promise<OfferedPage | undefined> {
    const page = await this.#kept(project)
    if (page !== undefined) this.#parts.report.withheld(project, page.allWithheld)
    return page
  }

  async #kept(project: string): Promise<OfferedPage | undefined> {
    const now = this.#parts.now()
    const kept = this.#pages.get(project)
    if (kept !== undefined && kept.until > now) return await kept.page
    for (const [name, { until }] of this.#pages) if (until <= now) this.#pages.delete(name)
    const page = this.#load(project, now)
    this.#pages.set(project, { until: now + FRESH_MS, page })
    // What failed is tried anew by the next who asks.
    page.catch(() => this.#pages.delete(project))
    return await page
  }

  /** A file of a project's page, verified. To be closed by the caller. @throws GuardError */
  async file(wanted: WantedFile): Promise<CachedFile> {
    const { page, offered } = await this.#find(wanted)
    const { cache, report } = this.#parts
    this.#ahead.file(wanted)
    const kept = await cache.get(wanted.sha256)
    const file = kept ?? (await this.#wait(wanted, offered))
    try {
      await this.#checkWheel(wanted, offered, file)
    } catch (error) {
      await file[Symbol.asyncDispose]()
      throw error
    }
    report.file({
      ...wanted,
      version: classifyDistribution(wanted.filename, wanted.project)?.version ?? '',
      size: file.size,
      trust: offered.trust,
      ...(offered.since === undefined ? {} : { pinnedSince: new Date(offered.since * 1000).toISOString() }),
      snapshot: page.snapshot,
      cached: !this.#received.has(wanted.sha256),
    })
    return file
  }

  /** The metadata of a wheel, by the hash that the page gives it (PEP 658). @throws GuardError */
  async sidecar(wanted: WantedFile): Promise<Uint8Array> {
    const { offered } = await this.#find(wanted)
    const { cache } = this.#parts
    const { coreMetadata } = offered.file
    if (typeof coreMetadata !== 'object') throw notOffered(wanted.project, `${wanted.filename}.metadata`)
    const kept = await cache.read(coreMetadata.sha256)
    const bytes = kept ?? (await this.#receiveSidecar(wanted, coreMetadata.sha256))
    this.#checkDirect(wanted, bytes)
    this.#ahead.metadata({ ...wanted, size: offered.file.size }, bytes)
    return bytes
  }

  async #receiveSidecar(wanted: WantedFile, promised: string): Promise<Uint8Array> {
    const { cache, defences, origin } = this.#parts
    this.#mustBeOnline(wanted.filename)
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of await origin.file(`${pathOf(wanted)}.metadata`, MAX_SIDECAR_BYTES, PAGE_DEADLINE_MS)) {
        pieces.push(piece)
      }
    } catch (error) {
      throw explain(wanted, error)
    }
    const bytes = Buffer.concat(pieces)
    const isRight = hash('sha256', bytes) === promised
    if (isRight) await cache.put(promised, bytes)
    else if (defences.has('sidecar-hash')) throw sidecarDiffers(wanted, 'is not what was signed')
    return bytes
  }

  async #load(project: string, now: number): Promise<OfferedPage | undefined> {
    await this.refresh(now)
    try {
      return await loadPage(this.#parts, project)
    } finally {
      if (this.#looked.size >= MAX_REPORTED) this.#looked.clear()
      this.#looked.set(project, this.#parts.state.snapshot)
    }
  }

  /**
   * Looks up again what was asked for before something newer was signed: without network, all of it has to be there as of one snapshot.
   */
  async complete(): Promise<void> {
    const { client, offline, report, state } = this.#parts
    if (offline || report.offline) return
    const older = [...this.#looked].flatMap(([project, snapshot]) => (snapshot < state.snapshot ? [project] : []))
    const left = older.values()
    const lookUp = async (): Promise<void> => {
      // What cannot be had now is asked for when it is wanted.
      for (const project of left) {
        await Promise.allSettled([client.find(pageTarget(project)), this.decision(project)])
        this.#looked.set(project, state.snapshot)
      }
    }
    await Promise.all(Array.from({ length: AHEAD_AT_A_TIME }, lookUp))
  }

  async #find({ project, sha256, filename }: WantedFile): Promise<{ page: OfferedPage; offered: OfferedFile }> {
    const page = await this.offered(project)
    const offered = page?.find(filename)
    if (page !== undefined && offered?.file.sha256 === sha256) return { page, offered }
    const withheld = page?.withheld(filename)
    if (withheld === undefined) throw notOffered(project, filename)
    throw new GuardError(withheld.code, `${filename} is not handed on. ${withheld.reason}`, {
      data: { project, filename },
    })
  }

  /** Receives a file. */
  async #wait(wanted: WantedFile, offered: OfferedFile): Promise<CachedFile> {
    await this.#shared(wanted, offered)
    const file = await this.#parts.cache.get(wanted.sha256)
    if (file !== undefined) return file
    throw new GuardError('cache-unusable', `${wanted.filename} was received, and is not in the cache any more.`)
  }

  /** Receives a file, once for all who want it at the same time. */
  #shared(wanted: WantedFile, offered: OfferedFile): Promise<void> {
    this.#mustBeOnline(wanted.filename)
    const under = this.#receiving.get(wanted.sha256)
    if (under !== undefined) return under
    const receiving = this.#receive(wanted, offered).finally(() => this.#receiving.delete(wanted.sha256))
    this.#receiving.set(wanted.sha256, receiving)
    return receiving
  }

  /** To a file without a name until length and sha256 are right (attacks.md ARB-1, ED-TGT, SR-1). */
  async #receive(wanted: WantedFile, { file: { size } }: OfferedFile): Promise<void> {
    const { cache, origin, defences } = this.#parts
    const limit = defences.has('size-limit') ? (size ?? MAX_FILE_BYTES) : Number.MAX_SAFE_INTEGER
    await using part = await cache.part()
    const digest = createHash('sha256')
    let length = 0
    try {
      for await (const piece of await origin.file(pathOf(wanted), limit, FILE_DEADLINE_MS)) {
        digest.update(piece)
        length += piece.length
        await part.write(piece)
      }
    } catch (error) {
      throw explain(wanted, error)
    }
    if (defences.has('file-hash')) {
      if (size !== undefined && length !== size) {
        throw explain(wanted, new TrustError('length-mismatch', `It has ${length} bytes where ${size} are signed.`))
      }
      if (digest.digest('hex') !== wanted.sha256) {
        throw explain(wanted, new TrustError('hash-mismatch', 'Its sha256 is not the one that is signed.'))
      }
    }
    await part.keep(wanted.sha256)
    if (this.#received.size >= MAX_REPORTED) this.#received.clear()
    this.#received.add(wanted.sha256)
  }

  /** What programs resolved by must be what is in the wheel (attacks.md EXD-1, EXD-2), and lead nowhere else (EXD-6). */
  async #checkWheel(wanted: WantedFile, { file: { coreMetadata } }: OfferedFile, file: CachedFile): Promise<void> {
    const { defences, report } = this.#parts
    if (!wanted.filename.endsWith('.whl') || !defences.has('wheel-metadata')) return
    const metadata = await readWheelMetadata(file.handle, file.size)
    if (metadata === 'old') {
      report.note(
        `${wanted.filename} is verified, but its archive is of an old kind: whether its metadata is what the page says was left to the installer.`,
      )
      return
    }
    const isPromised = typeof coreMetadata === 'object'
    if (isPromised && (metadata === undefined || hash('sha256', metadata) !== coreMetadata.sha256)) {
      throw sidecarDiffers(wanted, 'is not what is in the wheel')
    }
    if (metadata !== undefined) this.#checkDirect(wanted, metadata)
  }

  /** attacks.md EXD-6 */
  #checkDirect({ project, filename }: WantedFile, metadata: Uint8Array): void {
    if (this.#parts.allowDirectUrls || !this.#parts.defences.has('direct-urls')) return
    const direct = directDependency(metadata)
    if (direct === undefined) return
    throw new GuardError(
      'requirement-refused',
      `${filename} depends on an address past any index (${direct.slice(0, MAX_SHOWN)}), which nobody has signed. It is not handed on. Use another version; --allow-direct-urls leaves such dependencies alone.`,
      { data: { project, filename } },
    )
  }

  #mustBeOnline(what: string): void {
    const { offline, origin } = this.#parts
    if (offline) throw unreachable(origin.url, `${what} is not kept here, and this run is offline.`)
  }
}

function pathOf({ project, sha256, filename }: WantedFile): string {
  return `/files/${project}/${sha256}/${encodeURIComponent(filename)}`
}

function explain({ project, filename }: WantedFile, error: unknown): unknown {
  return error instanceof TrustError ? unavailable(project, filename, error) : error
}

function sidecarDiffers({ project, filename }: WantedFile, how: string): GuardError {
  return new GuardError(
    'sidecar-differs',
    `The metadata of ${filename} ${how}: somebody on the way, or the index, changed it. Nothing was handed on. Tell whoever runs the index.`,
    { data: { project, filename } },
  )
}
