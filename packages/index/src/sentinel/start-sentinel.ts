import type { BackgroundWork } from '../background-work.ts'
import { IndexError } from '../error.ts'
import { SENTINEL_CHECK_MS, SENTINEL_FIRST_MS } from '../limits.ts'
import { repeating } from '../repeating.ts'
import type { RepeatListener } from '../repeating.ts'
import type { SentinelParts } from './run-sentinel.ts'
import { runSentinel } from './run-sentinel.ts'

const HOUR_MS = 3_600_000

/** What an index watches upstreams for, and how often. */
export interface SentinelConfig {
  /** 0: never. */
  readonly everyHours: number
  /** Upstreams whose lists are not read. */
  readonly except: readonly string[]
}

/** Lets a server look regularly; of several servers one does. */
export function startSentinel(
  parts: SentinelParts,
  { everyHours }: SentinelConfig,
  background: BackgroundWork,
  listener: RepeatListener,
): Disposable {
  if (everyHours === 0) return { [Symbol.dispose]: () => undefined }
  const dueMs = everyHours * HOUR_MS
  const stopping = new AbortController()
  const look = async (): Promise<void> => {
    try {
      await runSentinel(parts, { dueMs, stopped: stopping.signal })
    } catch (error) {
      const isBusy = error instanceof IndexError && error.code === 'conflict'
      if (!isBusy && !stopping.signal.aborted) throw error
    }
  }
  const rhythm = {
    everyMs: Math.min(SENTINEL_CHECK_MS, dueMs / 10),
    // After a start others have to be served first; and a server that restarts again and again asks for no list.
    firstMs: Math.min(SENTINEL_FIRST_MS, dueMs / 10),
  }
  const regular = repeating(look, rhythm, background, listener)
  return {
    [Symbol.dispose]() {
      regular[Symbol.dispose]()
      stopping.abort()
    },
  }
}
