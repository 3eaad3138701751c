/** Numbers that a seed decides (mulberry32), so that a failing run can be run again. */
export interface Seeded {
  readonly seed: number
  /** From 0 up to, not including, `limit`. */
  below(limit: number): number
  pick<T>(choices: readonly T[]): T
  bytes(length: number): Buffer
}

/** `fixed` is the text of an environment variable: the same run again. */
export function seeded(fixed: string | undefined): Seeded {
  const seed = fixed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(fixed)
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    seed,
    below,
    pick: (choices) => {
      const chosen = choices[below(choices.length)]
      if (chosen === undefined) throw new Error('nothing to choose from')
      return chosen
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}
