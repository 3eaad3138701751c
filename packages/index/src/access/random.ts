import { randomBytes } from 'node:crypto'

/** Randomness as an input (design.md section 4): so many unpredictable bytes. */
export type Random = (size: number) => Uint8Array

export const systemRandom: Random = (size) => randomBytes(size)
