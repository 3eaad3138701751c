import { parentPort } from 'node:worker_threads'
import { inspectArchive } from './inspect-archive.ts'
import type { InspectionJob } from './inspect-archive.ts'
import type { WorkerAnswer } from './inspection-workers.ts'

/* oxlint-disable unicorn/require-post-message-target-origin -- a worker's port has no origin */

// One job after another: `InspectionWorkers` sends the next when it has the answer.
parentPort?.on('message', (job: InspectionJob) => void inspect(job))

async function inspect(job: InspectionJob): Promise<void> {
  let answer: WorkerAnswer
  try {
    answer = await inspectArchive(job)
  } catch (error) {
    answer = { kind: 'failed', error }
  }
  parentPort?.postMessage(answer)
}
