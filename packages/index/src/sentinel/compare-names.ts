import type { FindingKind } from '../store/schema.ts'
import type { OwnNames } from './own-names.ts'

/** What a name of an upstream has to do with one of this index. */
export interface NameFinding {
  readonly kind: FindingKind
  /** The internal name, or the prefix. */
  readonly own: string
}

/** Why `name`, which an upstream has, is worth telling; undefined: it is not. Called for every name of PyPI: to be cheap. */
export function judgeName(name: string, { internal, prefixes, lookAlike }: OwnNames): NameFinding | undefined {
  if (internal.has(name)) return { kind: 'upstream-collision', own: name }
  const prefix = prefixes.size === 0 ? undefined : prefixOf(name, prefixes)
  if (prefix !== undefined) return { kind: 'upstream-under-namespace', own: prefix }
  const own = lookAlike(name)
  return own === undefined ? undefined : { kind: 'upstream-look-alike', own }
}

/** As `coveringPrefix`, in as many steps as the name has parts, however many prefixes there are. */
function prefixOf(name: string, prefixes: ReadonlySet<string>): string | undefined {
  for (let end = name.length; end > 0; end = name.lastIndexOf('-', end - 1)) {
    const start = name.slice(0, end)
    if (prefixes.has(start)) return start
  }
  return undefined
}

/** Goes through a list of names as it comes, and keeps what is worth telling. */
export class NameComparison {
  readonly found = new Map<string, NameFinding>()
  /** How many names there were. */
  names = 0
  /** How many were worth telling, and are not in `found`. */
  beyond = 0
  readonly #own: OwnNames
  readonly #known: ReadonlySet<string>
  readonly #most: number
  #counted = 0

  /** `known` are told of already: there is room for them, and for `most` altogether. */
  constructor(own: OwnNames, known: ReadonlySet<string>, most: number) {
    this.#own = own
    this.#known = known
    this.#most = most
    this.#counted = known.size
  }

  take(names: readonly string[]): void {
    this.names += names.length
    for (const name of names) {
      const finding = judgeName(name, this.#own)
      if (finding === undefined || this.found.has(name)) continue
      if (finding.kind !== 'upstream-collision' && !this.#known.has(name)) {
        if (this.#counted >= this.#most) {
          this.beyond += 1
          continue
        }
        this.#counted += 1
      }
      this.found.set(name, finding)
    }
  }
}
