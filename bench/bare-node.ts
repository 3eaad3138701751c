import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Side } from './compare.ts'

/** Node and nothing of ours, sending `bytes`. */
export interface BareNode extends Side, AsyncDisposable {}

export async function startBareNode(folder: string, bytes: Uint8Array): Promise<BareNode> {
  const file = join(folder, 'bare-node')
  writeFileSync(file, bytes)
  const child = fork(new URL('./bare-node-process.ts', import.meta.url), [file])
  const exited = once(child, 'exit')
  const [url] = (await once(child, 'message')) as [string]
  const { pid } = child
  if (pid === undefined) throw new Error('node could not be started')
  return {
    url,
    pids: () => [pid],
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await exited
    },
  }
}
