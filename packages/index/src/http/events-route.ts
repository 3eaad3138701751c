import { setTimeout as delay } from 'node:timers/promises'
import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import { mayAdminister } from '../access/permissions.ts'
import type { Requester } from '../access/permissions.ts'
import { DEFAULT_EVENTS, EVENT_KEEP_ALIVE_MS, EVENT_POLL_MS, MAX_EVENT_STREAMS, MAX_EVENTS } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { EVENT_KINDS } from '../telemetry/event-log.ts'
import { newestEvent, readEvents } from '../telemetry/read-events.ts'
import type { EventFilter, ToldEvent } from '../telemetry/read-events.ts'
import type { Exchange } from './exchange.ts'
import type { identify } from './requester.ts'
import { preferredMediaType } from './negotiate.ts'
import { refuseRead } from './refuse.ts'
import { ResponseWriter } from './response-writer.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

type Identity = ReturnType<typeof identify>

/** Events are what administrators did, and to whom: for administrators only. */
export class EventsRoute {
  readonly #store: Store
  readonly #keepAliveMs: number
  readonly #stop = new AbortController()
  #streams = 0

  constructor(store: Store, keepAliveMs: number = EVENT_KEEP_ALIVE_MS) {
    this.#store = store
    this.#keepAliveMs = keepAliveMs
  }

  /** Ends every stream: the server stops. */
  stop(): void {
    this.#stop.abort()
  }

  /**
   * `GET /api/v1/events`: as JSON what is after an id, of the kinds and the project asked for, as Server-Sent Events also all that follows, for as long as
   * `identifyAgain` finds an administrator: a stream must not outlive its token, its user or their rights.
   */
  async serve({ req, res, path }: Exchange, who: Requester, identifyAgain: () => Identity): Promise<void> {
    if (!mayAdminister(who, null)) {
      return refuseRead(res, req, { code: who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' })
    }
    const query = new URLSearchParams(path.query)
    const lastSeen = req.headers['last-event-id']
    const after = wholeNumber(typeof lastSeen === 'string' ? lastSeen : query.get('after'), Number.MAX_SAFE_INTEGER)
    const limit = wholeNumber(query.get('limit'), MAX_EVENTS)
    if (after === 'wrong' || limit === 'wrong') {
      const detail = `after (or Last-Event-ID) wants the id of an event, limit 1 to ${MAX_EVENTS}.`
      return refuseRead(res, req, { code: 'bad-request', detail })
    }
    const filter = filterOf(query)
    if ('wrong' in filter) return refuseRead(res, req, { code: 'bad-request', detail: filter.wrong })
    const types = ['application/json', 'text/event-stream'] as const
    if (preferredMediaType(req.headers.accept, types) === 'text/event-stream' && req.method === 'GET') {
      return this.#stream({ req, res, path }, { after, filter }, identifyAgain)
    }
    const events = await readEvents(this.#store, after ?? 0, Math.max(1, limit ?? DEFAULT_EVENTS), filter)
    const body = Buffer.from(JSON.stringify({ events }))
    const headers = ['Content-Type', 'application/json', 'Content-Length', String(body.length)]
    res.writeHead(200, [...headers, 'Cache-Control', 'no-store', 'Vary', 'Accept', ...SECURITY_HEADERS])
    res.end(body)
  }

  async #stream(
    { req, res }: Exchange,
    { after, filter }: { readonly after: number | undefined; readonly filter: EventFilter },
    identifyAgain: () => Identity,
  ): Promise<void> {
    if (this.#streams >= MAX_EVENT_STREAMS) return refuseRead(res, req, { code: 'too-busy', retryAfter: 30 })
    this.#streams += 1
    try {
      // Without an id: from now on.
      let last = after ?? (await newestEvent(this.#store))
      const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store', 'X-Accel-Buffering', 'no']
      res.writeHead(200, [...headers, ...SECURITY_HEADERS])
      const writer = new ResponseWriter(res)
      // Tells clients and proxies at once that the stream is open.
      if (!(await writer.write(Buffer.from(': open\n\n')))) return
      let quietSince = performance.now()
      while (!writer.closed && !this.#stop.signal.aborted) {
        const events = await readEvents(this.#store, last, MAX_EVENTS, filter)
        last = events.at(-1)?.id ?? last
        const isQuiet = events.length === 0
        if (!isQuiet || performance.now() - quietSince >= this.#keepAliveMs) {
          // After the events were read: those of a change that takes the right away are not told any more.
          const who = await identifyAgain()
          if (who.kind === 'refused' || !mayAdminister(who, null)) break
          const text = isQuiet ? ': alive\n\n' : events.map(eventText).join('')
          if (!(await writer.write(Buffer.from(text)))) return
          quietSince = performance.now()
        }
        if (events.length < MAX_EVENTS) {
          await delay(EVENT_POLL_MS, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined)
        }
      }
      writer.end()
    } finally {
      this.#streams -= 1
    }
  }
}

/** JSON has no line breaks of its own, so one `data` line holds it. */
function eventText(event: ToldEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
}

/** `kind` may stand there several times. */
function filterOf(query: URLSearchParams): EventFilter | { readonly wrong: string } {
  const asked = query.getAll('kind')
  const kinds = EVENT_KINDS.filter((kind) => asked.includes(kind))
  if (kinds.length < new Set(asked).size)
    return { wrong: 'kind wants a kind of event, as docs/operation.md lists them.' }
  const project = query.get('project')
  if (project !== null && !isValidProjectName(project)) return { wrong: 'project wants the name of a project.' }
  return {
    ...(asked.length === 0 ? {} : { kinds }),
    ...(project === null ? {} : { project: normalizeProjectName(project) }),
  }
}

function wholeNumber(text: string | null, most: number): number | undefined | 'wrong' {
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text) || Number(text) > most) return 'wrong'
  return Number(text)
}
