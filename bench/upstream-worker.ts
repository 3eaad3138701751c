import { randomBytes } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { Simulator } from '../test/support/upstream-simulator.ts'
import { sha256Of, startSimulator } from '../test/support/upstream-simulator.ts'

/** Projects to be made up: each with `files` wheels of `size` random bytes. */
export interface ProjectOrder {
  readonly names: readonly string[]
  readonly files: number
  readonly size: number
}

/** What can be asked of the upstream, and what it answers. */
export type UpstreamOrder =
  | { readonly kind: 'add'; readonly order: ProjectOrder }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'hang'; readonly prefix: string }
  | { readonly kind: 'hold'; readonly prefix: string; readonly afterBytes: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'count'; readonly prefix: string }

export interface UpstreamFile {
  readonly project: string
  readonly filename: string
  readonly sha256: string
}

/** In a thread of its own, so that it shares no event loop with the client that measures. */
const upstream: Simulator = await startSimulator()
let release: () => void = () => {}

function add({ names, files, size }: ProjectOrder): readonly UpstreamFile[] {
  return names.flatMap((project) => {
    const made = Array.from({ length: files }, (_, at) => {
      const bytes = randomBytes(size)
      return { filename: `${project.replaceAll('-', '_')}-1.${at}-py3-none-any.whl`, bytes, sha256: sha256Of(bytes) }
    })
    const uploadTime = '2024-05-01T10:00:00.000000Z'
    upstream.addProject({
      name: project,
      files: made.map((file) => ({ ...file, uploadTime, requiresPython: '>=3.8', metadata: Buffer.from(project) })),
    })
    return made.map(({ filename, sha256 }) => ({ project, filename, sha256 }))
  })
}

function obey(order: UpstreamOrder): unknown {
  switch (order.kind) {
    case 'add':
      return add(order.order)
    case 'latency':
      upstream.clearFaults()
      if (order.ms > 0) upstream.setFault('/', { kind: 'delay', ms: order.ms })
      return undefined
    case 'hang':
      return upstream.setFault(order.prefix, { kind: 'hang' })
    case 'hold': {
      const { promise, resolve } = Promise.withResolvers<void>()
      release = resolve
      return upstream.setFault(order.prefix, { kind: 'hold', afterBytes: order.afterBytes, until: promise })
    }
    case 'release':
      return release()
    case 'count':
      return upstream.requestsFor(order.prefix).length
  }
}

function say(answer: unknown): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(answer)
}

parentPort?.on('message', (order: UpstreamOrder) => say(obey(order)))
say(upstream.url)
