import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ProjectOrder, UpstreamFile, UpstreamOrder } from './upstream-worker.ts'

/** The simulated upstream, in its own thread. */
export interface Upstream {
  readonly url: string
  add(order: ProjectOrder): Promise<readonly UpstreamFile[]>
  /** Every answer comes so much later from now on; other faults end. */
  latency(ms: number): Promise<void>
  hang(prefix: string): Promise<void>
  /** Answers under `prefix` stop after so many bytes until `release`. */
  hold(prefix: string, afterBytes: number): Promise<void>
  release(): Promise<void>
  /** Requests under `prefix` since the start. */
  count(prefix: string): Promise<number>
  stop(): Promise<void>
}

export async function startUpstream(): Promise<Upstream> {
  const worker = new Worker(new URL('./upstream-worker.ts', import.meta.url))
  const [url] = (await once(worker, 'message')) as [string]
  // One order at a time: answers come in the order of the orders.
  let last: Promise<unknown> = Promise.resolve()
  const tell = <T>(order: UpstreamOrder): Promise<T> => {
    const answer = last.then(async () => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
      worker.postMessage(order)
      const [said] = (await once(worker, 'message')) as [T]
      return said
    })
    last = answer
    return answer
  }
  return {
    url,
    add: (order) => tell({ kind: 'add', order }),
    latency: (ms) => tell({ kind: 'latency', ms }),
    hang: (prefix) => tell({ kind: 'hang', prefix }),
    hold: (prefix, afterBytes) => tell({ kind: 'hold', prefix, afterBytes }),
    release: () => tell({ kind: 'release' }),
    count: (prefix) => tell({ kind: 'count', prefix }),
    async stop() {
      await worker.terminate()
    },
  }
}
