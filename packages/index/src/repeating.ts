import type { BackgroundWork } from './background-work.ts'

/** Told once when it begins to fail, and once when it works again: a full disk is not filled with log lines. */
export interface RepeatListener {
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
}

/**
 * Does `work` in the background every `intervalMs`, one turn after the other; a turn that fails is followed by the next. So is
 * published what nobody has come to publishing (another process may commit a change and die, our own disk may have been full at that
 * moment), and signed what ends by the clock. Disposing of it ends that.
 */
export function repeating(
  work: () => Promise<void>,
  intervalMs: number,
  background: BackgroundWork,
  { onFailure, onRecovery }: RepeatListener,
): Disposable {
  let failing = false
  let running: Promise<void> | undefined
  const turn = async (): Promise<void> => {
    try {
      await work()
      if (failing) onRecovery()
      failing = false
    } catch (error) {
      if (!failing) onFailure(error)
      failing = true
    }
  }
  const timer = setInterval(() => {
    running ??= background.add(turn().finally(() => (running = undefined)))
  }, intervalMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
