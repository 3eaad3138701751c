import type { BackgroundWork } from '../background-work.ts'
import type { Publisher } from './publisher.ts'

/** Told once when it begins to fail, and once when it works again: a full disk is not filled with log lines. */
export interface StrayListener {
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
}

/**
 * Publishes, every `intervalMs`, what nobody has come to publishing: another process may commit a change and die, and our
 * own disk may have been full at that moment. Disposing of it ends that.
 */
export function publishStrays(
  publisher: Publisher,
  intervalMs: number,
  background: BackgroundWork,
  { onFailure, onRecovery }: StrayListener,
): Disposable {
  let failing = false
  let running: Promise<void> | undefined
  const publish = async (): Promise<void> => {
    try {
      await publisher.publish()
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
