import { FIRST_DOWNLOAD } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { decideUpstream } from '../names/decide-upstream.ts'
import { standingDenialOfName } from '../names/denials.ts'
import { upstreamOf } from '../names/merge-rule.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import { appendJournal } from '../publish/journal.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { notKept, quarantined, refused, unavailable, withheldFile } from './download-refusal.ts'
import type { DownloadRefusal, DownloadRefusalCode } from './download-refusal.ts'
import type { Offers } from './offers.ts'
import { judgeFiles } from './judge-files.ts'
import type { JudgedFile } from './judge-files.ts'
import type { Unasked } from './unasked.ts'
import { newestAllowed, withWayOut } from './way-out.ts'

/** Which file is asked for: the three parts of its address. */
export interface FileAddress {
  readonly project: string
  readonly sha256: string
  readonly filename: string
}

/** A file that may be given out, and the name's state it was found under. */
export interface Found {
  readonly kind: 'found'
  readonly row: FileRow
  readonly sha256: string
  /** Whether the name belongs to its source for good: only then may the answer be kept. */
  readonly decided: boolean
}

/** Where an undecided name was found, and with what evidence. */
interface Sighting {
  readonly kind: 'seen'
  readonly upstream: string
  readonly evidence: readonly string[]
  readonly found: Found
}

export interface FileLookupParts {
  readonly store: Store
  readonly clock: Clock
  readonly current: CurrentProjects
  readonly offers: Offers
  readonly publisher: Publisher
  readonly unasked?: Unasked
}

/** Refusals that a fresh look at the upstream may lift. */
const MAY_BE_OLD: ReadonlySet<DownloadRefusalCode> = new Set(['file-not-found', 'file-quarantined', 'file-withdrawn'])

/** Nothing that an upstream says opens what was closed here. */
function isClosedHere({ project, offering }: ProjectState, now: number): boolean {
  return project?.status === 'quarantined' || standingDenialOfName(offering.denials, now) !== undefined
}

/** Whether a file may be given out, by its address; the first download decides an undecided name. */
export class FileLookup {
  readonly #parts: FileLookupParts

  constructor(parts: FileLookupParts) {
    this.#parts = parts
  }

  /**
   * Whether, and as what, the name's authority gives this file out (attacks.md 6.5, the download columns). Only a
   * download decides an undecided name: resolvers look at metadata of much that they never install.
   */
  async find(address: FileAddress, purpose: 'download' | 'look'): Promise<Found | DownloadRefusal> {
    const state = await this.#parts.current.get(address.project)
    // Closed here: by any address, and no upstream need be asked about it (attacks.md 6.5 row 27).
    const now = this.#parts.clock.now()
    if (isClosedHere(state, now)) return quarantined(state, now)
    switch (state.answer.kind) {
      case 'reserved':
        return refused(
          'name-reserved',
          withWayOut(
            `${address.project} falls under the prefix ${state.answer.prefix}, whose names belong to this index, and has no such file.`,
            address.project,
          ),
        )
      case 'refused':
        return refused(
          'name-unclaimed',
          withWayOut(
            `Nobody has approved ${address.project} for this index (${state.answer.pattern} is denied by default).`,
            address.project,
          ),
        )
      case 'internal':
        return this.#row(state, address)
      case 'upstream':
        return this.#listed(state, address, state.answer.upstream)
      case 'merged':
        return this.#listed(state, address, upstreamOf(state.answer.merge))
      case 'undecided':
        return this.#undecided(address, purpose)
    }
  }

  #undecided(address: FileAddress, purpose: 'download' | 'look'): Promise<Found | DownloadRefusal> | DownloadRefusal {
    const { unasked } = this.#parts
    // Whose name it is is decided by asking (design.md section 8): while nobody is asked, nothing is given out.
    if (unasked !== undefined) return notKept(address.filename, unasked)
    return purpose === 'download' ? this.#decide(address) : this.#lookUndecided(address)
  }

  /** A listed row, after one look at the upstream if it is not there: a lock file may know more than we saw yet. */
  async #listed(state: ProjectState, address: FileAddress, source: string): Promise<Found | DownloadRefusal> {
    const first = await this.#row(state, address)
    // Neither is a quarantine of the upstream's the last word: it lifts with the upstream.
    // Neither is a withdrawal: it may have come back.
    if (first.kind !== 'refused' || !MAY_BE_OLD.has(first.code)) return first
    // Of a name that is open, it is this index that has closed the file.
    if (first.code === 'file-quarantined' && state.status !== 'quarantined') return first
    // While nobody is asked, what the page lists is all there is.
    if (this.#parts.unasked !== undefined && state.page !== undefined) return first
    const outcome = await this.#parts.offers.ask(state, source)
    if (outcome.kind === 'failed') {
      // What it said of a file holds; that it has none, it did not say of a page that may be newer.
      if (first.code !== 'file-not-found') return first
      if (outcome.trouble !== undefined) throw outcome.trouble
      return unavailable(source, outcome)
    }
    return this.#row(await this.#parts.current.get(address.project), address)
  }

  async #row(state: ProjectState, address: FileAddress): Promise<Found | DownloadRefusal> {
    const { project, sha256, filename } = address
    const { offering } = state
    const found = (await this.#judged(state, address)).filter(({ file }) => file.sha256 === sha256)
    const { file: row, withheld } = found.find((one) => one.withheld === undefined) ?? found[0] ?? {}
    if (row === undefined) {
      return offering.sources.includes(LOCAL_SOURCE) && (await this.#knownElsewhere(project, sha256))
        ? refused(
            'name-reserved',
            `${project} is answered by this index only; the file of an upstream does not belong to it.`,
          )
        : refused('file-not-found', `${project} has no file ${filename} with this sha256.`)
    }
    if (withheld !== undefined) {
      return withheldFile(row, withheld, state, this.#parts.clock.now(), await this.#newest(state))
    }
    return { kind: 'found', row, sha256, decided: state.answer.kind !== 'undecided' }
  }

  /** The files of this name with their verdicts; where one file's depends on others, those are looked at too. */
  async #judged({ offering }: ProjectState, { project, filename }: FileAddress): Promise<readonly JudgedFile[]> {
    const { store, clock } = this.#parts
    const { answer, sources } = offering
    if (sources.length === 0) return []
    const rows = await store.db
      .selectFrom('file')
      .selectAll()
      .where('project', '=', project)
      .where('source', 'in', sources)
      .$if(answer.kind !== 'merged', (query) => query.where('filename', '=', filename))
      .execute()
    return judgeFiles(offering, rows, clock.now()).files.filter(({ file }) => file.filename === filename)
  }

  /** What whoever is refused a file may have instead. */
  async #newest({ name, offering }: ProjectState): Promise<string | undefined> {
    const { store, clock } = this.#parts
    const { sources } = offering
    if (sources.length === 0) return undefined
    const files = store.db.selectFrom('file').selectAll().where('project', '=', name).where('source', 'in', sources)
    return newestAllowed(judgeFiles(offering, await files.execute(), clock.now()).files)
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
      const decision = { project: name, upstream, evidence, at, actor: FIRST_DOWNLOAD }
      if (!(await decideUpstream(tx, decision))) return false
      await appendJournal(tx, { project: name, action: 'authority', at, actor: null })
      return true
    })
    if (decided) await publisher.publish()
    current.forget([name])
    const state = await current.get(name)
    if (state.answer.kind === 'undecided') return refused('file-not-found', `${name} is not offered any more.`)
    if (state.answer.kind === 'reserved') return refused('name-reserved', `${name} is a name of this index only.`)
    return this.#row(state, address)
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
    if (result.kind === 'failed' && result.trouble !== undefined) throw result.trouble
    if (result.kind === 'failed') return unavailable(result.upstream, result)
    if (result.kind === 'absent') return refused('file-not-found', `No index behind this one has a project ${name}.`)
    const found = await this.#row(await current.get(name), address)
    return found.kind === 'refused' ? found : { ...result, kind: 'seen', found }
  }
}
