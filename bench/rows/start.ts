import { join } from 'node:path'
import { startWaxseal } from '../../test/support/server.ts'
import type { Row } from '../figure.ts'
import { median } from '../figure.ts'

const MAX_MS = 500
const STARTS = 7
const KINDS = [
  ['fresh', 'new data'],
  ['existing', 'existing data'],
  ['never', 'new data, for the first time on this machine'],
] as const

/** From spawning `waxseal serve` to the end of its first answer, on a folder that does not exist and on that of the other rows. */
export const start: Row = async ({ ours, config, effort, folder }) => {
  const times = { never: [] as number[], fresh: [] as number[], existing: [] as number[] }
  const time = async (dataDir: string | undefined, env: Record<string, string> = {}) => {
    const started = performance.now()
    await using server = await startWaxseal({
      args: ['--config', config],
      env,
      ...(dataDir === undefined ? {} : { dataDir }),
    })
    await (await fetch(`${server.url}/simple/`)).arrayBuffer()
    return performance.now() - started
  }
  for (let at = 0; at < Math.min(STARTS, effort.samples / 8); at += 1) {
    // Code that nobody compiled on this machine before.
    times.never.push(await time(undefined, { XDG_CACHE_HOME: join(folder, `cache-${at}`) }))
    times.fresh.push(await time(undefined))
    times.existing.push(await time(ours.dataDir))
  }
  return KINDS.map(([kind, what]) => {
    const ms = median(times[kind])
    return {
      what: `start to first answer, ${what}`,
      ours: `${ms.toFixed(0)} ms`,
      bar: `≤ ${MAX_MS} ms`,
      met: ms <= MAX_MS,
    }
  })
}
