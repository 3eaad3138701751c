/** The one of `known` that was most likely meant by `given`, if any is near: a slip or two, or the beginning of it. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  const bound = Math.min(3, Math.max(1, Math.floor(given.length / 3)))
  let best: string | undefined
  let least = bound + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - given.length) > bound) continue
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best ?? begunBy(given, known)
}

/** The only one of `known` whose first words are `given`: `password-file` of `password`. */
function begunBy(given: string, known: Iterable<string>): string | undefined {
  const begun = [...known].filter((candidate) => candidate.startsWith(`${given.toLowerCase()}-`))
  return begun.length === 1 ? begun[0] : undefined
}

/** ` Did you mean X?`, or nothing. */
export function didYouMean(given: string, known: Iterable<string>): string {
  const meant = nearest(given, known)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
}

/** Levenshtein's, with two neighbours exchanged counting as one slip. Both texts are short. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const exchanged = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, exchanged))
    }
  }
  return at(a.length, b.length)
}
