import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Figure } from '../figure.ts'
import { median } from '../figure.ts'
import type { SignedIndex } from './signed-index.ts'

const MAX_MS = 15
/** Pages of one publish. */
const BATCHES = [1, 10, 100]

/** One publish: from the changes to the commit, synced, with what a client would refuse looked for in between. */
export async function publishes(index: SignedIndex, turns: number): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const batch of BATCHES) {
    // What it keeps of the repository is read once.
    await index.publish(batch)
    const times: number[] = []
    const syncs: number[] = []
    for (let turn = 0; turn < turns; turn += 1) {
      times.push(await time(() => index.publish(batch)))
      syncs.push(await timeSync(index.dataDir))
    }
    const ms = median(times)
    const pages = batch === 1 ? 'one page' : `${batch} pages`
    figures.push({
      what: `publish of ${pages}, ${index.targets.toLocaleString('en')} targets in ${index.bins.toLocaleString('en')} bins`,
      ours: `${ms.toFixed(1)} ms (p90 ${ninetieth(times).toFixed(1)})`,
      beside: `one fsync: ${median(syncs).toFixed(1)} ms`,
      // Design.md section 12 speaks of one publish; what many pages cost is shown.
      ...(batch === 1 ? { bar: `≤ ${MAX_MS} ms`, met: ms <= MAX_MS } : {}),
    })
  }
  return figures
}

async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** One small write and its fsync on the same disk, in the same turn. */
async function timeSync(folder: string): Promise<number> {
  await using file = await open(join(folder, 'sync'), 'w')
  await file.write('x')
  return await time(() => file.sync())
}

function ninetieth(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? Number.NaN
}
