/** Keys that begin with `_` and belong to the server that writes them (PEP 700). Null-prototype: their names come from outside. */
export type PrivateKeys = Readonly<Record<string, unknown>>

/** One file of a project's page, as every format of the Simple API can say it. */
export interface SimpleFile {
  readonly filename: string
  /** Absolute after reading an upstream's page; relative or absolute in our own. Never with a fragment. */
  readonly url: string
  /** 64 lower-case hexadecimal digits. Absent only after reading a page that did not give one (attacks.md HASH-NONE). */
  readonly sha256?: string
  /** All hashes that the page gave, lower-case; for choosing whom to believe, never relayed (attacks.md HASH-ALG, HASH-MD5). */
  readonly hashes?: ReadonlyMap<string, string>
  /** A specifier set that can be parsed. */
  readonly requiresPython?: string
  /** Bytes. */
  readonly size?: number
  /** `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, with no or six digits of fraction. */
  readonly uploadTime?: string
  /** `true` and a reason say the same to clients; a reason is never empty. */
  readonly yanked: boolean | string
  /** That `<url>.metadata` exists, and its hash where known (PEP 658, PEP 714). */
  readonly coreMetadata?: true | { readonly sha256: string }
  /** Where the file's provenance object is (PEP 740), as the page wrote it. */
  readonly provenance?: string
  /** Private keys of the file. */
  readonly extra?: PrivateKeys
}

export type SimpleStatusName = 'active' | 'archived' | 'quarantined' | 'deprecated'

/** The status of a project (PEP 792). */
export interface SimpleStatus {
  readonly status: SimpleStatusName
  readonly reason?: string
}

/** A namespace that covers a project, and whether the project is of its owner (PEP 752). */
export interface SimpleNamespace {
  /** In normal form. */
  readonly name: string
  readonly owned: boolean
}

/** A project's page in the Simple API (PEP 503, 691, 700, 740, 752, 792). */
export interface SimpleProjectPage {
  /** In normal form. */
  readonly name: string
  readonly versions: readonly string[]
  readonly files: readonly SimpleFile[]
  readonly status?: SimpleStatus
  /**
   * Only of the server that writes the page: what another says of namespaces holds for its own names, so no reader takes it (PEP 752).
   * Null: none covers it any more; absent: nothing is said of them.
   */
  readonly namespaces?: readonly SimpleNamespace[] | null | undefined
  /** `1.N`. What a writer writes follows from the files, not from this. */
  readonly apiVersion: string
  /** Private keys of `meta`. */
  readonly meta?: PrivateKeys
  /** Private keys of the page. */
  readonly extra?: PrivateKeys
}

/** The list of all projects. */
export interface SimpleProjectList {
  readonly projects: readonly {
    /** As people write it; links go to its normal form. */
    readonly name: string
    readonly extra?: PrivateKeys
  }[]
  readonly meta?: PrivateKeys
}

/** What a tolerant reader left out, for the log. */
export interface DroppedEntry {
  /** What it was, as a bounded excerpt that is safe to log. */
  readonly what: string
  readonly reason: string
}

/** A page that was read, and what was wrong with it. */
export interface SimpleReading {
  readonly page: SimpleProjectPage
  /** The first MAX_DROPPED_REPORTS entries that were left out. */
  readonly dropped: readonly DroppedEntry[]
}

/** What a reader has to know of the page it reads. */
export interface SimpleContext {
  /** The final URL of the page, after redirects. */
  readonly baseUrl: string
  /** The project that was asked for, in normal form. */
  readonly project: string
}
