import {
  DEFAULT_TARGET,
  NAMESPACES_TARGET,
  Namespaces,
  readDefaultPolicy,
  readNamespaceList,
} from '@waxseal/index/names'
import type { DefaultPolicy } from '@waxseal/index/names'
import type { GuardError } from './error.ts'
import { wentBack } from './failures.ts'
import { MAX_POLICY_BYTES } from './limits.ts'
import type { SeenDecisions } from './seen-decisions.ts'
import { explained, readSigned } from './signed-document.ts'
import type { DocumentSource } from './signed-document.ts'

/** What holders decided about names that may not exist yet. */
export interface SignedPolicy {
  readonly namespaces: Namespaces
  /** Undefined: they have not decided anything, and what upstreams have is open. */
  readonly defaults: DefaultPolicy | undefined
  /** The sha256 of both documents: changes with what they say. */
  readonly key: string
}

/** Reads the documents once for each snapshot. */
export class PolicyReader {
  readonly #source: DocumentSource
  readonly #seen: SeenDecisions
  #read: { readonly snapshot: number | undefined; readonly policy: Promise<SignedPolicy> } | undefined

  constructor(source: DocumentSource, seen: SeenDecisions) {
    this.#source = source
    this.#seen = seen
  }

  /** @throws GuardError `name-refused` where a document is gone, older than one that was seen, or not understood */
  async policy(): Promise<SignedPolicy> {
    const { snapshot } = this.#source.client
    if (this.#read?.snapshot !== snapshot || this.#read === undefined) {
      const read = { snapshot, policy: this.#policy() }
      this.#read = read
      read.policy.catch(() => {
        if (this.#read === read) this.#read = undefined
      })
    }
    return await this.#read.policy
  }

  async #policy(): Promise<SignedPolicy> {
    const listed = await this.#document('The list of namespaces', NAMESPACES_TARGET, readNamespaceList)
    const defaults = await this.#document(
      'The default for names that nobody claimed',
      DEFAULT_TARGET,
      readDefaultPolicy,
    )
    return {
      namespaces: new Namespaces(listed?.content.namespaces),
      defaults: defaults?.content,
      key: `${listed?.sha256 ?? ''} ${defaults?.sha256 ?? ''}`.trim(),
    }
  }

  async #document<T extends { readonly rev: number }>(
    what: string,
    path: string,
    read: (bytes: Uint8Array) => T,
  ): Promise<{ readonly sha256: string; readonly content: T } | undefined> {
    const found = await explained(what, () => this.#source.client.find(path))
    const seen = this.#seen.rev(path)
    if (found.kind === 'absent') {
      if (seen > 0) throw olderThanSeen(what, seen, 'is gone')
      return undefined
    }
    const document = await readSigned(this.#source, path, found.file, { what, most: MAX_POLICY_BYTES, read })
    const { rev } = document.content
    if (rev < seen) throw olderThanSeen(what, seen, `is at ${rev}`)
    if (rev > seen) this.#seen.noteRev(path, rev)
    return document
  }
}

/** attacks.md RB-POL */
function olderThanSeen(what: string, seen: number, now: string): GuardError {
  return wentBack(
    `${what} was at revision ${seen} when this guard saw it, and ${now} now: nothing is handed on by an older one. Ask whoever runs the index.`,
  )
}
