import { Worker } from 'node:worker_threads'
import { INSPECTION_TIMEOUT, INSPECT_IN_WORKER_ABOVE, MAX_INSPECTION_WORKERS } from '../limits.ts'
import { inspectArchive } from './inspect-archive.ts'
import type { Inspected, InspectionJob } from './inspect-archive.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** Looks into spooled files; see {@link createInspector}. */
export type Inspector = (job: InspectionJob) => Promise<Inspected | Refusal>

const WORKER = new URL(`./inspect-upload-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
/** Enough for the largest central directory and RECORD that the limits of `@waxseal/packaging` let through. */
const WORKER_HEAP_MB = 512

/**
 * An inspector that looks into small files at once and into large ones in a few workers with a time limit, so that a big wheel holds up
 * nobody else and a malicious one holds up nobody for long (attacks.md ZIP-BOMB, TAR-BOMB).
 */
export function createInspector(
  options: { readonly workerAbove?: number; readonly timeout?: number; readonly workers?: number } = {},
): Inspector {
  const {
    workerAbove = INSPECT_IN_WORKER_ABOVE,
    timeout = INSPECTION_TIMEOUT,
    workers = MAX_INSPECTION_WORKERS,
  } = options
  let running = 0
  const waiting: (() => void)[] = []
  return async (job) => {
    if (job.size <= workerAbove) return inspectArchive(job)
    if (running >= workers) await new Promise<void>((resolve) => void waiting.push(resolve))
    else running++
    try {
      return await inspectInWorker(job, timeout)
    } finally {
      // The place is handed on, so that nobody who comes later can take it.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

function inspectInWorker(job: InspectionJob, timeout: number): Promise<Inspected | Refusal> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: job, resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB } })
    const timer = setTimeout(() => {
      resolve(refuseInspection(`Looking into it took longer than ${timeout / 1000} seconds.`))
      void worker.terminate()
    }, timeout)
    worker.once('message', (result: Inspected | Refusal) => resolve(result))
    worker.once('error', (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        resolve(refuseInspection('Looking into it needs too much memory.'))
      } else reject(error)
    })
    worker.once('exit', () => {
      clearTimeout(timer)
      // Without effect when there was an answer.
      reject(new Error('the inspection worker ended without an answer'))
    })
  })
}

function refuseInspection(reason: string): Refusal {
  return refuse('upload-archive-invalid', `Invalid distribution file. ${reason}`)
}
