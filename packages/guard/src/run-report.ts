import type { GuardErrorCode } from './error.ts'
import { MAX_OUTSIDE, MAX_REPORTED } from './limits.ts'
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
}

/** Collects what a guard does. Bounded: a service runs for weeks. */
export class RunReport {
  readonly #files = new Map<string, ReportedFile>()
  readonly #withheld = new Map<string, WithheldFile & { readonly project: string }>()
  readonly #refused = new Map<string, Refusal>()
  readonly #outside = new Set<string>()
  readonly #notes = new Set<string>()
  readonly #onRefusal: (refusal: Refusal) => void
  offline = false

  /** `onRefusal` is told at once what is refused for the first time. */
  constructor(onRefusal: (refusal: Refusal) => void = () => undefined) {
    this.#onRefusal = onRefusal
  }

  file(file: ReportedFile): void {
    if (this.#files.size < MAX_REPORTED || this.#files.has(file.filename)) this.#files.set(file.filename, file)
  }

  withheld(project: string, files: readonly WithheldFile[]): void {
    for (const file of files) {
      if (this.#withheld.size < MAX_REPORTED) this.#withheld.set(`${project}/${file.filename}`, { project, ...file })
    }
  }

  refused(refusal: Refusal): void {
    const key = `${refusal.code} ${refusal.project ?? ''} ${refusal.filename ?? ''}`
    if (this.#refused.has(key) || this.#refused.size >= MAX_REPORTED) return
    this.#refused.set(key, refusal)
    this.#onRefusal(refusal)
  }

  outside(place: string): void {
    if (this.#outside.size >= MAX_OUTSIDE || this.#outside.has(place)) return
    this.#outside.add(place)
    this.#onRefusal({
      code: 'outside-refused',
      message: `Something wanted to reach ${place}, past the guard, and was refused.`,
    })
  }

  note(text: string): void {
    if (this.#notes.size < MAX_REPORTED) this.#notes.add(text)
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
      files: [...this.#files.values()],
      withheld: [...this.#withheld.values()],
      refused: [...this.#refused.values()],
      outside: [...this.#outside],
      notes: [...this.#notes],
    }
  }
}
