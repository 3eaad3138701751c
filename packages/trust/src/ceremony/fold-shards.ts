/** What is said about one role. */
export interface RoleWords {
  readonly role: string
  readonly lines: readonly string[]
}

/** Stands for a shard's two digits: braces are in no role name and no path that may be signed. */
const DIGITS = '{hh}'
const SHARD = /^(.*-)([\da-f]{2})$/

interface Run {
  readonly prefix: string
  readonly first: string
  readonly last: string
  readonly count: number
  readonly lines: readonly string[]
}

/**
 * Says once what is the same for shards that follow one another, `sealed-00` to `sealed-ff`: nobody reads it 256 times, and what
 * is different about one of them would drown. Nothing is lost: with the digits put in, the lines are those of each shard.
 */
export function foldShards(words: readonly RoleWords[]): readonly string[] {
  const runs: (Run | RoleWords)[] = []
  for (const one of words) {
    const next = runOf(one)
    const before = runs.at(-1)
    if (next !== undefined && before !== undefined && 'count' in before && follows(before, next)) {
      runs[runs.length - 1] = { ...before, last: next.last, count: before.count + 1 }
    } else runs.push(next ?? one)
  }
  return runs.flatMap((run) => ('count' in run ? wordsOf(run) : run.lines))
}

function runOf({ role, lines }: RoleWords): Run | undefined {
  const [, prefix, digits] = SHARD.exec(role) ?? []
  if (prefix === undefined || digits === undefined) return undefined
  // Only what a target holds may have them: put in for digits, they would say what it does not.
  if (lines.some((line) => line.includes(DIGITS))) return undefined
  const general = lines.map((line) =>
    line.replaceAll(role, `${prefix}${DIGITS}`).replaceAll(`/${digits}/`, `/${DIGITS}/`),
  )
  return { prefix, first: digits, last: digits, count: 1, lines: general }
}

function follows(before: Run, next: Run): boolean {
  return (
    before.prefix === next.prefix &&
    Number.parseInt(before.last, 16) + 1 === Number.parseInt(next.first, 16) &&
    before.lines.length === next.lines.length &&
    before.lines.every((line, at) => line === next.lines[at])
  )
}

function wordsOf({ first, last, count, lines }: Run): readonly string[] {
  if (count === 1) return lines.map((line) => line.replaceAll(DIGITS, first))
  if (lines.length === 0) return []
  return [`The same ${count} times, ${DIGITS} going from ${first} to ${last}:`, ...lines.map((line) => `  ${line}`)]
}
