import type { Figure, Row } from '../figure.ts'
import { judge, median } from '../figure.ts'
import { timeRequest } from '../first-byte.ts'
import type { Scene } from '../scene.ts'
import { PIP_ACCEPT } from './small-page.ts'

const FILES = 20
const FILE_SIZE = 1_000_000
const MAX = 1.2
/** What PyPI's CDN takes from near by; without any latency the work itself shows. */
const LATENCIES = [20, 0]
const PAGE = { accept: PIP_ACCEPT, 'accept-encoding': 'gzip' }

/** Pages and files that nobody asked for before: first byte through the cache against the upstream itself. */
export const cold: Row = async (scene) => {
  const figures: Figure[] = []
  for (const ms of LATENCIES) figures.push(...(await withLatency(scene, ms)))
  await scene.upstream.latency(0)
  return figures
}

async function withLatency({ upstream, ours, effort }: Scene, ms: number): Promise<readonly Figure[]> {
  const names = Array.from({ length: Math.ceil(effort.samples / 2) }, (_, at) => `cold-${ms}-${at}`)
  const files = await upstream.add({ names, files: 2, size: FILE_SIZE })
  const pages = Array.from({ length: effort.samples }, (_, at) => `cold-page-${ms}-${at}`)
  await upstream.add({ names: pages, files: FILES, size: 64 })
  await upstream.latency(ms)
  const times = { page: [[], []], first: [[], []], next: [[], []] } as Record<Kind, [number[], number[]]>
  const measure = async (kind: Kind, ourPath: string, theirPath: string, headers = {}) => {
    times[kind][0].push((await timeRequest(`${ours.url}${ourPath}`, headers)).firstByte)
    times[kind][1].push((await timeRequest(`${upstream.url}${theirPath}`, headers)).firstByte)
  }
  for (const name of pages) await measure('page', `/simple/${name}/`, `/simple/${name}/`, PAGE)
  for (const [at, { project, filename, sha256 }] of files.entries()) {
    const first = at % 2 === 0
    if (first) await timeRequest(`${ours.url}/simple/${project}/`, PAGE)
    await measure(first ? 'first' : 'next', `/files/${project}/${sha256}/${filename}`, `/files/${project}/${filename}`)
  }
  return KINDS.map(([kind, what]) => {
    const [us, them] = [median(times[kind][0]), median(times[kind][1])]
    // Against an upstream that answers in no time there is no bar: it is what the work itself takes.
    const judged = ms > 0 ? judge(us / them, MAX) : { ratio: us / them }
    return { what: `${what}, upstream ${ms} ms away`, ours: first(us), beside: first(them), ...judged }
  })
}

type Kind = 'page' | 'first' | 'next'
const KINDS: readonly (readonly [Kind, string])[] = [
  ['page', 'cold page of 20 files'],
  ['first', 'cold file of 1 MB that decides its upstream'],
  ['next', 'cold file of 1 MB, name decided'],
]

function first(ms: number): string {
  return `first byte ${ms.toFixed(1)} ms`
}
