import type { GuardErrorCode } from './error.ts'
import { BoundedList } from './bounded-list.ts'
import { MAX_OUTSIDE, MAX_REPORTED, MAX_REPORTED_FILES, TOLD_AGAIN_MS } from './limits.ts'
import type { FileTrust, WithheldFile } from './verified-page.ts'

/** A file that was handed on. */
export interface ReportedFile {
  readonly project: string
  readonly filename: string
  readonly version: string
  readonly sha256: string
  /** Bytes. */
  readonly size: number
  readonly trust: FileTrust
  readonly pinnedSince?: string
  readonly snapshot: number
  /** Whether it was here already. */
  readonly cached: boolean
}

/** Something that was asked for and not handed on. */
export interface Refusal {
  readonly code: GuardErrorCode
  /** Why the signatures did not hold, where that is why. */
  readonly trust?: string
  readonly project?: string
  readonly filename?: string
  /** What happened and what to do. */
  readonly message: string
}

/** What a guard did, for people and for other tools; all of it from verified data. */
export interface ReportDocument {
  readonly index: string
  /** sha256 of the root that the trust began with. */
  readonly root: string
  readonly snapshot: number | null
  /** When that was signed, as ISO 8601 writes it; and how old that is, in seconds. */
  readonly signedAt: string | null
  readonly ageSeconds: number | null
  /** Whether the index could not be reached, so that what was verified before had to do. */
  readonly offline: boolean
  readonly files: readonly ReportedFile[]
  readonly withheld: readonly (WithheldFile & { readonly project: string })[]
  readonly refused: readonly Refusal[]
  /** Other places that programs wanted to reach past the guard. */
  readonly outside: readonly string[]
  readonly notes: readonly string[]
  /** How many of each there were beyond those that are listed. */
  readonly omitted: Readonly<Record<'files' | 'withheld' | 'refused' | 'outside' | 'notes', number>>
}

/** Collects what a guard does. Bounded: a service runs for weeks. */
export class RunReport {
  readonly #files = new BoundedList<ReportedFile>(MAX_REPORTED_FILES)
  readonly #withheld = new BoundedList<WithheldFile & { readonly project: string }>(MAX_REPORTED)
  readonly #refused = new BoundedList<Refusal>(MAX_REPORTED)
  readonly #outside = new BoundedList<string>(MAX_OUTSIDE)
  readonly #notes = new BoundedList<string>(MAX_REPORTED)
  /** Source archives that were kept back, by project. */
  readonly #archives = new Map<string, number>()
  /** When something was last told, in milliseconds since 1970. */
  readonly #told = new Map<string, number>()
  readonly #onRefusal: (refusal: Refusal) => void
  readonly #now: () => number
  offline = false

  /** `onRefusal` is told at once what is refused, the same thing not again for a while. */
  constructor(now: () => number, onRefusal: (refusal: Refusal) => void = () => undefined) {
    this.#now = now
    this.#onRefusal = onRefusal
  }

  file(file: ReportedFile): void {
    this.#files.add('', file.filename, file)
  }

  withheld(project: string, files: readonly WithheldFile[]): void {
    let archives = 0
    for (const file of files) {
      if (file.code === 'source-archive') archives += 1
      else this.#withheld.add(file.code, `${project}/${file.filename}`, { project, ...file })
    }
    if (archives > 0) this.#archives.set(project, archives)
  }

  refused(refusal: Refusal): void {
    const key = `${refusal.code} ${refusal.project ?? ''} ${refusal.filename ?? ''}`
    this.#refused.add(refusal.code, key, refusal)
    this.#tell(key, refusal)
  }

  outside(place: string): void {
    this.#outside.add('', place, place)
    this.#tell(`outside ${place}`, {
      code: 'outside-refused',
      message: `Something wanted to reach ${place}, past the guard, and was refused.`,
    })
  }

  note(text: string): void {
    this.#notes.add('', text, text)
  }

  #tell(key: string, refusal: Refusal): void {
    const now = this.#now()
    for (const [known, at] of this.#told) if (now - at >= TOLD_AGAIN_MS) this.#told.delete(known)
    if (this.#told.has(key) || this.#told.size >= MAX_REPORTED) return
    this.#told.set(key, now)
    this.#onRefusal(refusal)
  }

  document(
    about: Pick<ReportDocument, 'index' | 'root'>,
    snapshot: number | undefined,
    issued: number,
    now: number,
  ): ReportDocument {
    const isSigned = snapshot !== undefined && issued > 0
    return {
      ...about,
      snapshot: snapshot ?? null,
      signedAt: isSigned ? new Date(issued).toISOString() : null,
      ageSeconds: isSigned ? Math.max(0, Math.round((now - issued) / 1000)) : null,
      offline: this.offline,
      files: this.#files.values,
      withheld: this.#withheld.values,
      refused: this.#refused.values,
      outside: this.#outside.values,
      notes: [...this.#archives].map(archivesNote).concat(this.#notes.values),
      omitted: {
        files: this.#files.omitted,
        withheld: this.#withheld.omitted,
        refused: this.#refused.omitted,
        outside: this.#outside.omitted,
        notes: this.#notes.omitted,
      },
    }
  }
}

function archivesNote([project, count]: readonly [string, number]): string {
  return `Of ${project}, ${count} source archive${count === 1 ? ' was' : 's were'} kept back (--wheels-only).`
}
