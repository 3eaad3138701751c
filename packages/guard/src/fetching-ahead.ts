import { PackagingError, parseCoreMetadata, parseRequirement } from '@waxseal/packaging'
import { AHEAD_AT_A_TIME, FRESH_MS, MAX_AHEAD_BYTES, MAX_AHEAD_NAMES, MAX_AHEAD_WAITING } from './limits.ts'

/**
 * Fetches what an installer will most likely ask for next, while it is busy: installers ask for one page after another, and one
 * file after another. What is fetched ahead is verified as everything is, and costs nothing but being there; what fails is asked for
 * anew by whoever wants it. Only what is small is fetched ahead, and files only once the installer has asked for a first one: whoever
 * makes a lock asks for none. Of one that is known to install what it chooses, that begins while it still chooses, which keeps it busy
 * for longer than the network: the first file of each project that it looks at, since some go back through many.
 */
export class FetchingAhead implements Disposable {
  readonly #page: (project: string) => Promise<unknown>
  readonly #file: (wanted: WantedAhead) => Promise<unknown>
  /** Until when a name is not asked for again, in milliseconds since 1970. */
  readonly #names = new Map<string, number>()
  readonly #now: () => number
  readonly #installs: boolean
  /** Projects of which a file was fetched before any was asked for. */
  readonly #first = new Set<string>()
  readonly #chosen = new Map<string, WantedAhead>()
  readonly #waitingPages: Work[] = []
  readonly #waitingFiles: Work[] = []
  #running = 0
  #wantsFiles = false
  #ended = false

  constructor(
    { now, installs }: { readonly now: () => number; readonly installs: boolean },
    page: (project: string) => Promise<unknown>,
    file: (wanted: WantedAhead) => Promise<unknown>,
  ) {
    this.#now = now
    this.#installs = installs
    this.#page = page
    this.#file = file
  }

  /** An installer has looked at this metadata: it needs the projects that it names, and probably the wheel that it is of. */
  metadata(wanted: WantedAhead, bytes: Uint8Array): void {
    const now = this.#now()
    for (const [name, until] of this.#names) if (until <= now) this.#names.delete(name)
    for (const name of required(bytes).slice(0, MAX_AHEAD_NAMES)) {
      if (this.#names.has(name)) continue
      this.#names.set(name, now + FRESH_MS)
      this.#add(this.#waitingPages, () => this.#page(name))
    }
    if ((wanted.size ?? Number.POSITIVE_INFINITY) > MAX_AHEAD_BYTES) return
    // Of one project the one that was looked at last: installers go back from what they cannot use.
    this.#chosen.delete(wanted.project)
    this.#chosen.set(wanted.project, wanted)
    if (this.#wantsFiles) this.#addFiles()
    else if (this.#installs && !this.#first.has(wanted.project) && this.#first.size < MAX_AHEAD_WAITING) {
      this.#first.add(wanted.project)
      this.#add(this.#waitingFiles, () => this.#file(wanted))
    }
  }

  /** An installer has asked for a file: those that it has chosen before come next. */
  file({ project }: { readonly project: string }): void {
    this.#wantsFiles = true
    this.#chosen.delete(project)
    this.#addFiles()
  }

  /** Begins nothing any more: the program has ended. */
  [Symbol.dispose](): void {
    this.#ended = true
    this.#waitingPages.length = 0
    this.#waitingFiles.length = 0
  }

  #addFiles(): void {
    for (const wanted of this.#chosen.values()) this.#add(this.#waitingFiles, () => this.#file(wanted))
    this.#chosen.clear()
  }

  #add(waiting: Work[], work: Work): void {
    if (this.#ended || waiting.length >= MAX_AHEAD_WAITING) return
    waiting.push(work)
    if (this.#running < AHEAD_AT_A_TIME) void this.#work()
  }

  async #work(): Promise<void> {
    this.#running += 1
    for (let work = this.#next(); work !== undefined; work = this.#next()) await work().catch(() => undefined)
    this.#running -= 1
  }

  /** Pages first: an installer that still chooses waits for them. */
  #next(): Work | undefined {
    return this.#waitingPages.shift() ?? this.#waitingFiles.shift()
  }
}

type Work = () => Promise<unknown>

/** A file that may be wanted. */
export interface WantedAhead {
  readonly project: string
  readonly sha256: string
  readonly filename: string
  /** Bytes. */
  readonly size: number | undefined
}

/** The projects that metadata asks for, whatever its markers say but for extras: nobody has asked for those. */
function required(bytes: Uint8Array): readonly string[] {
  try {
    const { requiresDist } = parseCoreMetadata(bytes)
    return requiresDist.flatMap((text) => {
      const { name, url, marker = '' } = parseRequirement(text)
      return url === undefined && !/\bextra\b/.test(marker) ? [name] : []
    })
  } catch (error) {
    // What an installer makes of it is the installer's.
    if (error instanceof PackagingError) return []
    throw error
  }
}
