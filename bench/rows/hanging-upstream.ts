import type { Figure, Row } from '../figure.ts'
import { judge, median } from '../figure.ts'
import { timeRequest } from '../first-byte.ts'
import { startWaxseal } from '../../test/support/server.ts'
import { startUpstream } from '../upstream.ts'
import { upload } from '../scene.ts'

const WAITING = 40
/** Two times of a millisecond on a noisy machine. */
const MAX = 1.5

/** Names that only a second upstream could have hang with it; warm and cold answers of everybody else do not notice. */
export const hangingUpstream: Row = async ({ upstream, effort, small }) => {
  const second = await startUpstream()
  await using _second = { [Symbol.asyncDispose]: () => second.stop() }
  const upstreams = new Map([
    ['good', `${upstream.url}/simple/`],
    ['hanging', `${second.url}/simple/`],
  ])
  await using server = await startWaxseal({ upstreams })
  await upload(server, small)
  const names = (when: string) => Array.from({ length: effort.samples }, (_, at) => `other-${when}-${at}`)
  await upstream.add({ names: [...names('calm'), ...names('hung')], files: 3, size: 64 })
  const warm = `${server.url}/simple/${small.name}/`
  const measure = async (when: string) => {
    const times = { warm: [] as number[], cold: [] as number[] }
    for (const name of names(when)) {
      times.warm.push((await timeRequest(warm)).firstByte)
      times.cold.push((await timeRequest(`${server.url}/simple/${name}/`)).firstByte)
    }
    return times
  }
  const calm = await measure('calm')
  await second.hang('/')
  const abort = new AbortController()
  const hung = Array.from({ length: WAITING }, (_, at) =>
    fetch(`${server.url}/simple/nowhere-${at}/`, { signal: abort.signal }).catch(() => undefined),
  )
  while ((await second.count('/')) < 1) await new Promise((resolve) => setTimeout(resolve, 10))
  const beside = await measure('hung')
  abort.abort()
  await Promise.all(hung)
  return (['warm', 'cold'] as const).map((kind): Figure => {
    const [with_, without] = [median(beside[kind]), median(calm[kind])]
    return {
      what: `${kind} page while ${WAITING} requests wait for an upstream that hangs`,
      ours: `${with_.toFixed(2)} ms`,
      beside: `${without.toFixed(2)} ms without`,
      ...judge(with_ / without, MAX),
    }
  })
}
