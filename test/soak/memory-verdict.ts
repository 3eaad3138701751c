/** One look at a running process. Times in milliseconds since the load began, sizes in bytes. */
export interface Observation {
  readonly at: number
  readonly resident: number
  /** Of it what belongs to no file: heap, stacks, buffers. */
  readonly anonymous: number
  readonly descriptors: number
  readonly threads: number
  /** Size of SQLite's write-ahead log. */
  readonly wal: number
  /** Files that are being received. */
  readonly spooled: number
}

export interface MemoryVerdict {
  /** False when there was too little time to say anything. */
  readonly judged: boolean
  readonly flat: boolean
  /** Megabytes an hour: the median of the slopes between the lowest values of each stretch of time. */
  readonly slope: number
  /** Megabytes an hour, by least squares over every observation; for comparison. */
  readonly leastSquares: number
  readonly allowed: number
  /** The stretches that were compared: hours since the load began, and the lowest anonymous resident megabytes within. */
  readonly lows: readonly Point[]
}

interface Point {
  readonly hours: number
  readonly megabytes: number
}

/**
 * What resident memory may gain an hour. The least leak worth finding eats the 100 MB between an idle server and the bar
 * of one under load (200 MB) in half a day, without anybody noticing in an hour of looking.
 */
export const ALLOWED_MEGABYTES_AN_HOUR = 8
/** Of the whole time, what passes before anything is compared: caches fill, code is compiled, the allocator finds its size. */
const WARM_UP_SHARE = 1 / 3
/** Stretches of time that are compared, each by its lowest value. */
const STRETCHES = 8
/** A stretch shorter than this holds too few collections of garbage for its lowest value to mean anything. */
const SHORTEST_STRETCH = 3 * 60_000

const HOUR = 3_600_000
const MEGABYTE = 1024 ** 2

/**
 * Whether resident memory is flat after the warm-up. Only its anonymous part is compared: pages of files (the program's own
 * code above all) come and go with what the rest of the machine wants, tens of megabytes at a time, and never leak.
 * The lowest value of each stretch is what the process needs with its
 * garbage collected, and the median of all slopes between them (Theil and Sen) is not moved by one peak that the
 * allocator has not given back yet; least squares is.
 */
export function judgeMemory(observations: readonly Observation[]): MemoryVerdict {
  const last = observations.at(-1)?.at ?? 0
  const warm = observations.filter(({ at }) => at >= last * WARM_UP_SHARE)
  const begin = warm[0]?.at ?? 0
  const stretch = (last - begin) / STRETCHES
  const lows = Array.from({ length: STRETCHES }, (_, at) => {
    const from = begin + at * stretch
    return lowest(warm.filter((seen) => seen.at >= from && seen.at < from + stretch))
  }).filter((low) => low !== undefined)
  const slope = medianSlope(lows)
  const judged = stretch >= SHORTEST_STRETCH
  return {
    judged,
    flat: !judged || slope <= ALLOWED_MEGABYTES_AN_HOUR,
    slope,
    leastSquares: leastSquaresSlope(warm.map(pointOf)),
    allowed: ALLOWED_MEGABYTES_AN_HOUR,
    lows,
  }
}

function pointOf({ at, anonymous }: Observation): Point {
  return { hours: at / HOUR, megabytes: anonymous / MEGABYTE }
}

function lowest(stretch: readonly Observation[]): Point | undefined {
  const [first, ...rest] = stretch
  if (first === undefined) return undefined
  return pointOf(rest.reduce((low, seen) => (seen.anonymous < low.anonymous ? seen : low), first))
}

function medianSlope(points: readonly Point[]): number {
  const slopes = points.flatMap((from, at) =>
    points.slice(at + 1).map((to) => (to.megabytes - from.megabytes) / (to.hours - from.hours)),
  )
  const sorted = slopes.filter(Number.isFinite).toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

function leastSquaresSlope(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / Math.max(1, points.length)
  const hours = mean((point) => point.hours)
  const megabytes = mean((point) => point.megabytes)
  const covariance = mean((point) => (point.hours - hours) * (point.megabytes - megabytes))
  const variance = mean((point) => (point.hours - hours) ** 2)
  return variance === 0 ? 0 : covariance / variance
}
