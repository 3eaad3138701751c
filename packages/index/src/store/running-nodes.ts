import type { Clock } from '../clock.ts'
import { RUNNING_NODE_MS } from '../limits.ts'

/**
 * Between which times, both included and as they are stored, a server that runs has said last that it does. One much
 * later is from before a clock was set back, and would else run for ever; hosts may differ a little.
 */
export function seenWhileRunning(clock: Clock): { readonly from: string; readonly to: string } {
  const at = (ms: number): string => new Date(clock.now() + ms).toISOString()
  return { from: at(-RUNNING_NODE_MS), to: at(RUNNING_NODE_MS) }
}
