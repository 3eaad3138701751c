/** What is kept of the current file of a role. */
export interface RoleEntry {
  readonly role: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly expires: number
  /** What snapshot says of the file beside its version, where it does. */
  readonly file: { readonly length: number; readonly sha256: string } | undefined
}

interface Line {
  /** The member's name in `meta`: the order of the snapshot. */
  readonly name: string
  readonly entry: RoleEntry
  readonly text: string
}

interface Chunk {
  readonly first: string
  readonly lines: readonly Line[]
  readonly text: string
}

/** Lines of a chunk: what one change writes again. The square root of 16,384, so that parts and lines are as many. */
const CHUNK = 128

/**
 * The current roles, with the snapshot's lines for them as they are signed. Immutable; a changed one shares all chunks but
 * those that changed, so that one bin of 16,384 costs one line and two short joins.
 */
export class RoleEntries implements Iterable<RoleEntry> {
  readonly #chunks: readonly Chunk[]
  readonly size: number

  private constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks
    this.size = chunks.reduce((sum, { lines }) => sum + lines.length, 0)
  }

  static readonly none = new RoleEntries([])

  /** The members of the snapshot's `meta`, in canonical order. */
  get text(): string {
    return this.#chunks.map(({ text }) => text).join(',')
  }

  get(role: string): RoleEntry | undefined {
    const name = `${role}.json`
    const lines = this.#chunks[chunkFor(this.#chunks, name)]?.lines ?? []
    const line = lines[lastNotAfter(lines.length, (at) => (lines[at]?.name ?? '') <= name)]
    return line?.name === name ? line.entry : undefined
  }

  /** With these in place of those of the same roles, or added. */
  with(changed: Iterable<RoleEntry>): RoleEntries {
    const perChunk = new Map<number, Map<string, Line>>()
    for (const entry of changed) {
      const line = lineOf(entry)
      const at = chunkFor(this.#chunks, line.name)
      perChunk.set(at, (perChunk.get(at) ?? new Map<string, Line>()).set(line.name, line))
    }
    if (perChunk.size === 0) return this
    if (this.#chunks.length === 0) return new RoleEntries(chunksOf([...(perChunk.get(0)?.values() ?? [])]))
    return new RoleEntries(
      this.#chunks.flatMap((chunk, at) => {
        const lines = perChunk.get(at)
        if (lines === undefined) return [chunk]
        const kept = chunk.lines.filter(({ name }) => !lines.has(name))
        return chunksOf([...kept, ...lines.values()])
      }),
    )
  }

  *[Symbol.iterator](): Iterator<RoleEntry> {
    for (const { lines } of this.#chunks) for (const { entry } of lines) yield entry
  }
}

function lineOf(entry: RoleEntry): Line {
  const name = `${entry.role}.json`
  const { version, file } = entry
  const described = file === undefined ? '' : `"hashes":{"sha256":"${file.sha256}"},"length":${file.length},`
  return { name, entry, text: `"${name}":{${described}"version":${version}}` }
}

function chunksOf(lines: Line[]): readonly Chunk[] {
  // Role names are ASCII: the order of units is that of code points.
  lines.sort((a, b) => (a.name < b.name ? -1 : 1))
  const pieces = lines.length <= 2 * CHUNK ? 1 : Math.ceil(lines.length / CHUNK)
  const length = Math.ceil(lines.length / pieces)
  return Array.from({ length: pieces }, (_, at) => {
    const own = lines.slice(at * length, (at + 1) * length)
    return { first: own[0]?.name ?? '', lines: own, text: own.map(({ text }) => text).join(',') }
  }).filter((chunk) => chunk.lines.length > 0)
}

/** The chunk that has this name, or would. */
function chunkFor(chunks: readonly Chunk[], name: string): number {
  return Math.max(
    0,
    lastNotAfter(chunks.length, (at) => (chunks[at]?.first ?? '') <= name),
  )
}

/** The last of `count` places for which `holds`, which holds for the first ones only; -1 where it holds for none. */
function lastNotAfter(count: number, holds: (at: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) low = middle + 1
    else high = middle
  }
  return low - 1
}
