import { get } from 'node:http'
import { startBareNode } from './bare-node.ts'
import type { Cost } from './compare.ts'
import { compare, describeCost } from './compare.ts'
import type { Figure } from './figure.ts'
import { judge } from './figure.ts'
import type { Scene } from './scene.ts'

const CONNECTIONS = 16

/** A path of ours, and nginx sending the same bytes. */
export interface WarmCase {
  readonly what: string
  readonly path: string
  /** What the file is called at nginx; its ending decides the Content-Type. */
  readonly file: string
  readonly headers?: Readonly<Record<string, string>>
  /** The bar, as a factor on nginx's CPU time a request. */
  readonly max: number
}

/**
 * Warm answers: CPU time a request, ours against nginx's for a static file with our bytes; and the same bytes from Node
 * without anything of ours, which is what any server on Node costs.
 */
export async function warm(scene: Scene, wanted: WarmCase): Promise<readonly Figure[]> {
  const { nginx, ours, effort, wrkScript } = scene
  const url = `${ours.url}${wanted.path}`
  const plain = await fetch(url, { headers: { ...wanted.headers, 'accept-encoding': 'identity' } })
  const bytes = Buffer.from(await plain.arrayBuffer())
  if (plain.status !== 200) throw new Error(`${url}: ${plain.status}`)
  nginx.put(wanted.file, bytes)
  const zipped = wanted.headers?.['accept-encoding'] === undefined ? undefined : await encoded(url, wanted.headers)
  if (zipped !== undefined) nginx.put(`${wanted.file}.gz`, zipped)
  await using bare = await startBareNode(scene.folder, zipped ?? bytes)
  const [us, them, node] = (await compare(
    [{ url, pids: () => [ours.pid] }, { url: `${nginx.url}/${wanted.file}`, pids: nginx.pids }, bare],
    {
      seconds: effort.seconds,
      connections: CONNECTIONS,
      headers: Object.entries(wanted.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    },
    { script: wrkScript, rounds: effort.rounds },
  )) as [Cost, Cost, Cost]
  const beside = describeCost(them)
  return [
    { what: wanted.what, ours: describeCost(us), beside, ...judge(us.cpu / them.cpu, wanted.max) },
    { what: '… by node:http and nothing else', ours: describeCost(node), beside, ratio: node.cpu / them.cpu },
  ]
}

/** The body as sent: `fetch` would decode it. */
async function encoded(url: string, headers: Readonly<Record<string, string>>): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  get(url, { headers }, (answer) => {
    answer.toArray().then((pieces) => resolve(Buffer.concat(pieces as Buffer[])), reject)
  }).on('error', reject)
  return promise
}
