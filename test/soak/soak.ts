import { Agent } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seeded } from '../support/seeded.ts'
import { startWaxseal } from '../support/server.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import { COLD_ACTORS, setWeather } from './actors/cold.ts'
import { PEOPLE } from './actors/people.ts'
import { READ_ACTORS } from './actors/readers.ts'
import { RUDE_ACTORS } from './actors/rude.ts'
import { UPLOAD_ACTORS } from './actors/uploads.ts'
import { closingChecks } from './closing-checks.ts'
import { judgeMemory } from './memory-verdict.ts'
import type { MemoryVerdict, Observation } from './memory-verdict.ts'
import { descriptorsOf, observe, processorSeconds } from './observe.ts'
import type { Soak } from './scene.ts'
import { perform } from './scene.ts'
import { FULL, LITTLE, warmUp } from './warm-up.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: string | undefined
  /** Between two observations, in milliseconds. */
  readonly lookEvery: number
  /** Told of every observation and of what was wrong by then, for whoever wants to know before the end. */
  readonly onLook?: (seen: Observation, soak: Pick<Soak, 'counts' | 'problems'>) => void
}

export interface SoakReport {
  readonly seed: number
  readonly minutes: number
  /** Share of one core that the server used while the load ran. */
  readonly processor: number
  readonly memory: MemoryVerdict
  readonly peakMegabytes: number
  /** Before the load, at most while it ran, and once it had ended. */
  readonly descriptors: { readonly before: number; readonly most: number; readonly after: number }
  readonly mostThreads: number
  readonly mostWalMegabytes: number
  readonly counts: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly observations: readonly Observation[]
}

const CONFIG = (upstream: string): string => `
prefixes = ["soak", "app"]
[upstream.sim]
url = ${JSON.stringify(upstream)}
refresh-seconds = 5
negative-seconds = 5
first-byte-timeout-seconds = 1
max-file-size = 8000000
`

/** A real server under a moderate load of everything at once; what came of it. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { seed } = seeded(options.seed)
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-soak-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = parts.use(await startSimulator())
  const config = join(folder, 'waxseal.toml')
  await writeFile(config, CONFIG(upstream.simpleUrl))
  const server = parts.use(await startWaxseal({ args: ['--config', config], dataDir: join(folder, 'data') }))

  const before = descriptorsOf(server.pid).length
  await warmUp(server.url, upstream, options.minutes >= 10 ? FULL : LITTLE)
  setWeather(upstream)
  const ending = AbortSignal.timeout(options.minutes * 60_000)
  const soak: Soak = {
    server,
    upstream,
    ending,
    uploads: new Map(),
    recent: [],
    agent: new Agent({ keepAlive: true }),
    cold: [],
    counts: new Map(),
    problems: [],
    count: 0,
  }
  const began = performance.now()
  const usedBefore = processorSeconds(server.pid)
  const observations: Observation[] = []
  const observer = setInterval(() => {
    void observe(server, began).then(
      (seen) => {
        observations.push(seen)
        options.onLook?.(seen, soak)
      },
      (error: unknown) => soak.problems.push(`the server could not be looked at: ${String(error)}`),
    )
  }, options.lookEvery)
  const actors = [...UPLOAD_ACTORS, ...READ_ACTORS, ...COLD_ACTORS, ...RUDE_ACTORS, ...PEOPLE]
  await Promise.all(actors.map((actor, at) => perform(actor, soak, seed + at)))
  clearInterval(observer)
  soak.agent.destroy()
  const seconds = (performance.now() - began) / 1000
  const processor = (processorSeconds(server.pid) - usedBefore) / seconds
  setWeather(upstream)
  const after = await closingChecks(soak, before)
  const most = (of: (seen: Observation) => number): number =>
    observations.reduce((max, seen) => Math.max(max, of(seen)), 0)
  return {
    seed,
    minutes: options.minutes,
    processor,
    memory: judgeMemory(observations),
    peakMegabytes: most((seen) => seen.resident) / 1024 ** 2,
    descriptors: { before, most: most((seen) => seen.descriptors), after },
    mostThreads: most((seen) => seen.threads),
    mostWalMegabytes: most((seen) => seen.wal) / 1024 ** 2,
    counts: Object.fromEntries([...soak.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    problems: soak.problems,
    observations,
  }
}
