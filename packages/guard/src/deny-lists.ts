import { denyTarget, isStanding, readDenyList, shardOf } from '@waxseal/index/names'
import type { Denial } from '@waxseal/index/names'
import { MAX_DENY_LIST_BYTES, MAX_DENY_LISTS } from './limits.ts'
import type { SeenDecisions } from './seen-decisions.ts'
import { explained, readSigned } from './signed-document.ts'
import type { DocumentSource } from './signed-document.ts'

/** What is denied of a project at a moment. */
export interface StandingDenials {
  readonly standing: readonly Denial[]
  /** Of those, the ones that the index does not list any more, though nobody has lifted them (attacks.md QUAR-2). */
  readonly vanished: readonly Denial[]
}

/** What the record of a project lifts, and whether holders sealed it. */
export interface Lifts {
  readonly lifts: readonly number[]
  readonly sealed: boolean
}

/** The deny lists of an index, each read once for each snapshot; what was ever seen in one stays until it is lifted. */
export class DenyLists {
  readonly #source: DocumentSource
  readonly #seen: SeenDecisions
  readonly #lists = new Map<string, { readonly snapshot: number | undefined; readonly list: Promise<Listed> }>()
  /** The sha256 of the list of each shard that was kept last. */
  readonly #kept = new Map<string, string>()

  constructor(source: DocumentSource, seen: SeenDecisions) {
    this.#source = source
    this.#seen = seen
  }

  /**
   * What holds of a project at `now`, in milliseconds since 1970. `lifts`: numbers that its record has lifted, by its holders for good;
   * what the server lifts is lifted for as long as its record says so.
   * @throws GuardError
   */
  async standing(project: string, { lifts, sealed }: Lifts, now: number): Promise<StandingDenials> {
    const listed = (await this.#list(shardOf(project))).get(project) ?? []
    const lifted = new Set(lifts)
    const kept = this.#seen.denials(project)
    const isLifted = ({ n }: Denial): boolean => lifted.has(n)
    const over = kept.filter(isLifted).map(({ n }) => n)
    if (sealed) this.#seen.lift(project, over)
    const holds = (denial: Denial): boolean => !isLifted(denial) && isStanding(denial, now)
    const numbers = new Set(listed.map(({ n }) => n))
    const vanished = kept.filter((denial) => holds(denial) && !numbers.has(denial.n))
    // What a number said first holds as well as what it says now: it is never used again.
    const standing = new Map([...kept, ...listed].filter(holds).map((denial) => [JSON.stringify(denial), denial]))
    return { standing: [...standing.values()], vanished }
  }

  async #list(shard: string): Promise<Listed> {
    const { snapshot } = this.#source.client
    const known = this.#lists.get(shard)
    if (known !== undefined && known.snapshot === snapshot) return await known.list
    if (this.#lists.size >= MAX_DENY_LISTS) this.#lists.clear()
    const read = { snapshot, list: this.#read(shard) }
    this.#lists.set(shard, read)
    read.list.catch(() => {
      if (this.#lists.get(shard) === read) this.#lists.delete(shard)
    })
    return await read.list
  }

  async #read(shard: string): Promise<Listed> {
    const what = 'The deny list'
    const path = denyTarget(shard)
    const found = await explained(what, () => this.#source.client.find(path))
    if (found.kind === 'absent') return new Map()
    const { sha256, content } = await readSigned(this.#source, path, found.file, {
      what,
      most: MAX_DENY_LIST_BYTES,
      read: readDenyList,
    })
    if (this.#kept.get(shard) !== sha256) this.#seen.keepDenials(content)
    this.#kept.set(shard, sha256)
    return Map.groupBy(content, ({ project }) => project)
  }
}

type Listed = ReadonlyMap<string, readonly Denial[]>
