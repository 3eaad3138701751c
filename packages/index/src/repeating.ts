import type { BackgroundWork } from './background-work.ts'

/** Told once when it begins to fail, and once when it works again: a full disk is not filled with log lines. */
export interface RepeatListener {
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
}

/** When, in milliseconds. */
export interface Rhythm {
  readonly everyMs: number
  /** Until the first time, where that is sooner. */
  readonly firstMs?: number
}

/**
 * Does `work` in the background every `everyMs`, one turn after the other; a turn that fails is followed by the next. So is
 * published what nobody has come to publishing (another process may commit a change and die, our own disk may have been full at that
 * moment), and signed what ends by the clock. Disposing of it ends that; `work` is told by its signal, and what may take longer than the
 * end waits for background work ends then by itself.
 */
export function repeating(
  work: (ended: AbortSignal) => Promise<void>,
  { everyMs, firstMs }: Rhythm,
  background: BackgroundWork,
  { onFailure, onRecovery }: RepeatListener,
): Disposable {
  let failing = false
  let running: Promise<void> | undefined
  const ended = new AbortController()
  const turn = async (): Promise<void> => {
    try {
      await work(ended.signal)
      if (failing) onRecovery()
      failing = false
    } catch (error) {
      if (!failing) onFailure(error)
      failing = true
    }
  }
  const begin = (): void => {
    running ??= background.add(turn().finally(() => (running = undefined)))
  }
  const timers = [setInterval(begin, everyMs)]
  if (firstMs !== undefined) timers.push(setTimeout(begin, firstMs))
  for (const timer of timers) timer.unref()
  return {
    [Symbol.dispose]() {
      for (const timer of timers) clearTimeout(timer)
      ended.abort()
    },
  }
}
