import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import { readNodes } from '../telemetry/node-status.ts'

/**
 * Those of `upstreams` that no running server has trouble with: none leaves it alone, and of each the last answer was a
 * good one. Others could perhaps not give a file again.
 */
export async function answeringUpstreams(
  store: Store,
  clock: Clock,
  upstreams: readonly string[],
): Promise<readonly string[]> {
  const { running } = await readNodes(store, clock)
  const failing = new Set(
    running.flatMap((node) =>
      node.upstreams
        .filter(
          ({ open, lastSuccess, lastError }) =>
            open.length > 0 || (lastError !== null && (lastSuccess === null || lastError.at >= lastSuccess)),
        )
        .map(({ name }) => name),
    ),
  )
  return upstreams.filter((name) => !failing.has(name))
}
