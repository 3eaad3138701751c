import type { Worker } from 'node:worker_threads'
import { INSPECTION_HEAP_MB, INSPECTION_NURSERY_MB } from '../limits.ts'
import { startThread } from '../own-files.ts'
import type { Inspected, InspectionJob } from './inspect-archive.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

const WORKER = new URL(`./inspect-upload-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
const RESOURCE_LIMITS = {
  maxOldGenerationSizeMb: INSPECTION_HEAP_MB,
  maxYoungGenerationSizeMb: INSPECTION_NURSERY_MB,
}

export interface InspectionWorkersOptions {
  /** Most workers at once; further files wait. */
  readonly workers: number
  /** How long one file may take, in milliseconds, a worker's start included. */
  readonly timeout: number
  /** How long a worker without work is kept, in milliseconds. */
  readonly idle: number
}

/**
 * A few workers that inspect files one after another: starting one takes longer than most files, and its memory is given back when there
 * is nothing to do. One that ran out of time or memory is never used again. Workers without work keep no process alive.
 */
export class InspectionWorkers {
  readonly #options: InspectionWorkersOptions
  readonly #idle: InspectionWorker[] = []
  readonly #waiting: (() => void)[] = []
  readonly #startThread: () => Worker
  #running = 0

  constructor(options: InspectionWorkersOptions, startThread: () => Worker = startInspector) {
    this.#options = options
    this.#startThread = startThread
  }

  /** How many workers there are, with work or without. */
  get count(): number {
    return this.#running + this.#idle.length
  }

  async inspect(job: InspectionJob): Promise<Inspected | Refusal> {
    if (this.#running >= this.#options.workers) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    else this.#running += 1
    let worker: InspectionWorker | undefined
    try {
      // Where the system has no thread left, starting one throws: the place has to be handed on all the same.
      worker = this.#idle.pop() ?? new InspectionWorker(this.#startThread(), (gone) => this.#forget(gone))
      return await worker.inspect(job, this.#options.timeout)
    } finally {
      if (worker !== undefined && !worker.ended) {
        this.#idle.push(worker)
        worker.endAfter(this.#options.idle)
      }
      // The place is handed on, so that nobody who comes later can take it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  #forget(worker: InspectionWorker): void {
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}

function startInspector(): Worker {
  return startThread(WORKER, { resourceLimits: RESOURCE_LIMITS })
}

/** One worker, which has one job at a time or none. */
class InspectionWorker {
  readonly #worker: Worker
  readonly #onEnd: (worker: InspectionWorker) => void
  #answer: ((answer: WorkerAnswer) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** Whether it can take no more jobs. */
  ended = false

  constructor(thread: Worker, onEnd: (worker: InspectionWorker) => void) {
    this.#worker = thread
    this.#onEnd = onEnd
    this.#worker.on('message', (answer: WorkerAnswer) => this.#answer?.(answer))
    this.#worker.on('error', (error: unknown) => this.#end(answerFor(error)))
    this.#worker.on('exit', () =>
      this.#end({ kind: 'failed', error: new Error('the inspection worker ended without an answer') }),
    )
  }

  async inspect(job: InspectionJob, timeout: number): Promise<Inspected | Refusal> {
    clearTimeout(this.#timer)
    this.#worker.ref()
    const answer = await new Promise<WorkerAnswer>((resolve) => {
      this.#answer = resolve
      this.#timer = setTimeout(() => {
        this.#end(refuseInspection(`Looking into it took longer than ${timeout / 1000} seconds.`))
      }, timeout)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
      this.#worker.postMessage(job)
    })
    clearTimeout(this.#timer)
    this.#answer = undefined
    if (answer.kind === 'failed') throw answer.error
    return answer
  }

  /** Ends the worker unless it gets another job within `delay` milliseconds. */
  endAfter(delay: number): void {
    this.#worker.unref()
    this.#timer = setTimeout(() => this.#end({ kind: 'failed', error: undefined }), delay).unref()
  }

  #end(answer: WorkerAnswer): void {
    if (this.ended) return
    this.ended = true
    clearTimeout(this.#timer)
    this.#onEnd(this)
    void this.#worker.terminate()
    this.#answer?.(answer)
  }
}

/** What a worker answers to a job. */
export type WorkerAnswer = Inspected | Refusal | { readonly kind: 'failed'; readonly error: unknown }

function answerFor(error: unknown): WorkerAnswer {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? refuseInspection('Looking into it needs too much memory.')
    : { kind: 'failed', error }
}

function refuseInspection(reason: string): Refusal {
  return refuse('upload-archive-invalid', `Invalid distribution file. ${reason}`)
}
