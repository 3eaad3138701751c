import {
  INSPECTION_IDLE,
  INSPECTION_TIMEOUT,
  INSPECT_HERE_BUDGET,
  INSPECT_IN_WORKER_ABOVE,
  MAX_INSPECTION_WORKERS,
} from '../limits.ts'
import { inspectWithin } from './inspect-archive.ts'
import type { Inspected, InspectionJob } from './inspect-archive.ts'
import { InspectionWorkers } from './inspection-workers.ts'
import type { InspectionWorkersOptions } from './inspection-workers.ts'
import type { Refusal } from './refusal.ts'

/** Looks into spooled files; see {@link createInspector}. */
export type Inspector = (job: InspectionJob) => Promise<Inspected | Refusal>

/**
 * An inspector that looks into small files at once, as long as they stay within a budget of decompressed bytes and members, and into all
 * others in a few workers with a time limit: a big wheel holds up nobody else, a malicious one nobody for long, and neither does a small
 * file that holds a lot (attacks.md ZIP-BOMB, TAR-BOMB).
 */
export function createInspector(
  options: Partial<InspectionWorkersOptions> & { readonly workerAbove?: number } = {},
): Inspector {
  const {
    workerAbove = INSPECT_IN_WORKER_ABOVE,
    timeout = INSPECTION_TIMEOUT,
    workers = MAX_INSPECTION_WORKERS,
    idle = INSPECTION_IDLE,
  } = options
  const pool = new InspectionWorkers({ workers, timeout, idle })
  return async (job) => {
    const here = job.size <= workerAbove ? await inspectWithin(job, INSPECT_HERE_BUDGET) : undefined
    return here ?? pool.inspect(job)
  }
}
