import type { UserMachine } from '@waxseal/guard/configuration'

/** Where the index is, as a client is told. */
export interface IndexAddress {
  /** Without a final slash. */
  readonly url: string
  readonly simple: string
  readonly legacy: string
  /** Without a port: what `.netrc` knows a machine by. */
  readonly hostname: string
  /** Every machine means itself by it. */
  readonly local: boolean
  /** Plain http to another machine: pip leaves such an index out. */
  readonly insecure: boolean
}

export type Scope = 'project' | 'user' | 'venv' | 'global'

/** What is wanted: everything that a client's plan is made from. */
export interface SetupRequest extends UserMachine {
  readonly index: IndexAddress
  /** What the configuration calls the index, where it calls it anything. */
  readonly name: string
  /** Where the configuration goes; absent: what suits the client. */
  readonly scope: Scope | undefined
  readonly projectDir: string
  /** Who the client signs in as; absent: it reads without credentials. */
  readonly username: string | undefined
  /** The secret; it goes into files that are their owner's only, and is never printed. */
  readonly token: string | undefined
  /** Absolute path of the certificate authorities (PEM) that the client needs for the index. */
  readonly ca: string | undefined
  /** The client's version, where its configuration depends on it. */
  readonly clientVersion: string | undefined
}

/** What becomes of a file. */
export interface Edit {
  /** The whole text, with whatever is in the way taken out. */
  readonly text: string
  /** What is in the way, and what to do about it, in sentences. With any, nothing is written unless forced. */
  readonly conflicts: readonly string[]
}

export interface PlannedFile {
  readonly path: string
  /** What belongs into it, for people; a placeholder stands for the secret. */
  readonly shown: string
  /** Readable by its owner only. */
  readonly secret: boolean
  /** `before` is undefined where there is no such file. Pure: may be asked any number of times. */
  readonly edit: (before: string | undefined) => Edit
}

/** What a client needs to use the index and no other. */
export interface SetupPlan {
  readonly files: readonly PlannedFile[]
  /** For configuration that only its owner knows where to put: shown, never written. */
  readonly snippets: readonly { readonly title: string; readonly text: string }[]
  /** What is in the way outside of the files: environment variables, other files that the client reads. */
  readonly conflicts: readonly string[]
  /** What else there is to know or do, in sentences. */
  readonly notes: readonly string[]
}

/** Whether a URL is the index that clients ask when nobody tells them otherwise. */
export function isPublicDefault(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.hostname === 'pypi.org' && /^\/simple\/*$/.test(parsed.pathname)
}

/** Whether two URLs of an index are the same but for a final slash. */
export function sameUrl(a: string, b: string): boolean {
  return a.trim().replace(/\/+$/, '') === b.trim().replace(/\/+$/, '')
}
