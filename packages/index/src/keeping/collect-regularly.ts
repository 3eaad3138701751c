import { constants, setPriority } from 'node:os'
import type { Logger } from 'pino'
import type { BackgroundWork } from '../background-work.ts'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { COLLECT_CHECK_MS } from '../limits.ts'
import type { IndexConfig } from '../index-config.ts'
import { startProcess } from '../own-files.ts'
import type { Store } from '../store/store.ts'
import type { Collection } from './collect-garbage.ts'
import { lastCollection } from './collect-garbage.ts'
import type { RetentionPolicy } from './retention.ts'

const HOUR_MS = 3_600_000
const PROCESS = new URL(`./collect-garbage-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** What the collecting process is told: over its channel, since a database's address may hold a password. */
export type CollectionOrder = Pick<IndexConfig, 'dataDir' | 'database' | 'retention'> & {
  readonly upstreams: readonly string[]
}

/** What it answers. */
export type CollectionAnswer =
  | { readonly kind: 'collected'; readonly collection: Collection }
  /** Somebody else is at it, a backup or another server. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly message: string }

export interface CollectingParts {
  readonly config: IndexConfig
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly background: BackgroundWork
  readonly onFailure: (error: unknown) => void
}

/**
 * Lets a server collect garbage by itself, every `retention.everyHours`: in a process of its own, which takes neither the
 * event loop nor the threads that serve files, and whose memory is given back. Of several servers one does it.
 */
export function startCollecting(parts: CollectingParts): Disposable {
  const stopped = new AbortController()
  let running: Promise<void> | undefined
  const look = (): void => {
    running ??= parts.background.add(
      collectIfDue(parts, stopped.signal)
        .catch(parts.onFailure)
        .finally(() => (running = undefined)),
    )
  }
  const { retention } = parts.config
  const timer = retention.everyHours === 0 ? undefined : setInterval(look, COLLECT_CHECK_MS)
  timer?.unref()
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      stopped.abort()
    },
  }
}

async function collectIfDue({ config, store, clock, log }: CollectingParts, stopped: AbortSignal): Promise<void> {
  const last = await lastCollection(store)
  if (!isDue(last?.at, clock.now(), config.retention)) return
  const { dataDir, database, retention } = config
  const upstreams = config.offline ? [] : config.upstreams.map(({ name }) => name)
  const order = { dataDir, database, retention, upstreams }
  const answer = await collectElsewhere(order, stopped)
  switch (answer.kind) {
    case 'collected': {
      const { garbage, takenBack, dropped, supersededPages, supersededMetadata, oldEvents, leftovers } =
        answer.collection
      const { marked, waiting, swept } = garbage
      const superseded = { supersededPages, supersededMetadata }
      const told = { swept, marked, waiting, takenBack, dropped, ...superseded, oldEvents, leftovers }
      log.info(told, 'collected garbage')
      return
    }
    case 'busy':
      return
    case 'failed':
      throw new IndexError('storage-failed', `Garbage could not be collected: ${answer.message}`)
  }
}

/** A last time that is in the future is from a clock that was wrong. */
export function isDue(last: string | undefined, now: number, { everyHours }: RetentionPolicy): boolean {
  if (last === undefined) return true
  const since = now - Date.parse(last)
  return since < 0 || since >= everyHours * HOUR_MS
}

/** Runs one collection in another process; ending that process at any moment loses nothing. */
export async function collectElsewhere(order: CollectionOrder, stopped: AbortSignal): Promise<CollectionAnswer> {
  if (stopped.aborted) return { kind: 'busy' }
  const child = startProcess(PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { promise, resolve } = Promise.withResolvers<CollectionAnswer>()
  child.on('message', (answer) => resolve(answer as CollectionAnswer))
  child.on('error', (error) => resolve({ kind: 'failed', message: error.message }))
  child.on('exit', (code, signal) =>
    resolve(
      stopped.aborted
        ? { kind: 'busy' }
        : { kind: 'failed', message: `its process ended with ${code ?? signal ?? 'nothing said'}` },
    ),
  )
  const stop = (): void => void child.kill()
  stopped.addEventListener('abort', stop, { once: true })
  try {
    if (child.pid !== undefined) lowerPriority(child.pid)
    child.send(order, (error) => error && resolve({ kind: 'failed', message: error.message }))
    return await promise
  } finally {
    stopped.removeEventListener('abort', stop)
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It may be over already, and it works at any priority.
  }
}
