import type { BackgroundWork } from '../background-work.ts'

/** Told once when it begins to fail, and once when it works again: a full disk is not filled with log lines. */
export interface StrayListener {
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
}

/**
 * Publishes, every `intervalMs`, what nobody has come to publishing: another process may commit a change and die, our own
 * disk may have been full at that moment, and signatures end by the clock. Disposing of it ends that.
 */
export function publishStrays(
  publishing: () => Promise<void>,
  intervalMs: number,
  background: BackgroundWork,
  { onFailure, onRecovery }: StrayListener,
): Disposable {
  let failing = false
  let running: Promise<void> | undefined
  const publish = async (): Promise<void> => {
    try {
      await publishing()
      if (failing) onRecovery()
      failing = false
    } catch (error) {
      if (!failing) onFailure(error)
      failing = true
    }
  }
  const timer = setInterval(() => {
    running ??= background.add(publish().finally(() => (running = undefined)))
  }, intervalMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
