import type { Scene } from './scene.ts'

/** One line of the report. */
export interface Figure {
  readonly what: string
  /** What was measured on Waxseal and beside it, with units, for people. */
  readonly ours: string
  readonly beside?: string
  readonly ratio?: number
  /** As design.md section 12 words it; without one the figure is only shown. */
  readonly bar?: string
  readonly met?: boolean
}

/** One row of design.md section 12, or the part of it that exists by now. */
export type Row = (scene: Scene) => Promise<readonly Figure[]>

/** The middle one; of an even number the lower of the two. @throws RangeError for none */
export function median(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
  if (middle === undefined) throw new RangeError('the median of no values')
  return middle
}

/** A ratio against its bar. */
export function judge(ratio: number, max: number): Pick<Figure, 'ratio' | 'bar' | 'met'> {
  return { ratio, bar: `≤ ${max} ×`, met: ratio <= max }
}
