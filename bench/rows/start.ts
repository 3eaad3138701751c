import { startWaxseal } from '../../test/support/server.ts'
import type { Row } from '../figure.ts'
import { median } from '../figure.ts'

const MAX_MS = 500
const STARTS = 7

/** From spawning `waxseal serve` to the end of its first answer, on a folder that does not exist and on that of the other rows. */
export const start: Row = async ({ ours, config, effort }) => {
  const times = { fresh: [] as number[], existing: [] as number[] }
  const time = async (dataDir: string | undefined) => {
    const started = performance.now()
    await using server = await startWaxseal({
      args: ['--config', config],
      ...(dataDir === undefined ? {} : { dataDir }),
    })
    await (await fetch(`${server.url}/simple/`)).arrayBuffer()
    return performance.now() - started
  }
  for (let at = 0; at < Math.max(3, Math.min(STARTS, effort.samples)); at += 1) {
    times.fresh.push(await time(undefined))
    times.existing.push(await time(ours.dataDir))
  }
  return (['fresh', 'existing'] as const).map((kind) => {
    const ms = median(times[kind])
    return {
      what: `start to first answer, ${kind} data`,
      ours: `${ms.toFixed(0)} ms`,
      bar: `≤ ${MAX_MS} ms`,
      met: ms <= MAX_MS,
    }
  })
}
