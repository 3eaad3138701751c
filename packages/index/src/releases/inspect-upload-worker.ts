import { parentPort, workerData } from 'node:worker_threads'
import { inspectArchive } from './inspect-archive.ts'
import type { InspectionJob } from './inspect-archive.ts'

// One job, one worker: it starts with nothing and leaves nothing behind, whatever the archive did to it.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
parentPort?.postMessage(await inspectArchive(workerData as InspectionJob))
