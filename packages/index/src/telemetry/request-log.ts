import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Requester } from '../access/permissions.ts'
import { LOG_AGENT_MAX, LOG_PATH_MAX } from '../limits.ts'
import { errorChain } from './error-chain.ts'
import { requestLine } from './request-line.ts'
import { isoNow } from './log.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { attachRecord, recordOf, RequestRecord } from './request-record.ts'
import { routeOf } from './request-route.ts'

export interface RequestLogParts {
  /** Asked for its level only. */
  readonly log: Logger
  /** Takes whole JSON lines into the same log. */
  readonly writeLine: (line: string) => void
  readonly metrics: RequestMetrics
  /** False: only failures are logged, and everything is counted. */
  readonly requests: boolean
  readonly clientAddress: (req: IncomingMessage) => string
  /** Told of each file that somebody was sent, whole or in part: the project's name as it was asked for. */
  readonly onDownload?: (project: string, who: Requester | undefined, address: string) => void
  /** Whether the connection comes from a trusted proxy: its request id is taken over. */
  readonly fromProxy: (req: IncomingMessage) => boolean
}

/** The template of a file's address, which has its project in second place. */
const FILE_ROUTE = '/files/{file}'
/** What is asked every few seconds and says nothing. */
const QUIET = new Set(['/-/health', '/-/ready', '/metrics'])
/** Letters, digits and what UUIDs and trace ids have between them: nothing that could act in a log or a header. */
const REQUEST_ID = /^[\w.:-]{8,128}$/

/** Observes requests: gives each its id, and at its end writes one line and counts it. */
export class RequestLog {
  readonly #parts: RequestLogParts
  /** Different for each process, so that ids are unique among all servers of an index. */
  readonly #prefix = randomBytes(5).toString('hex')
  readonly #ended: (this: ServerResponse) => void
  #count = 0

  constructor(parts: RequestLogParts) {
    this.#parts = parts
    const end = (res: ServerResponse): void => this.#end(res)
    // One function for all requests: a closure each would be garbage each.
    this.#ended = function () {
      end(this)
    }
  }

  begin(req: IncomingMessage, res: ServerResponse): RequestRecord {
    const record = new RequestRecord(req, this.#idOf(req))
    attachRecord(res, record)
    this.#parts.metrics.inFlight += 1
    // After `finish` as well as after a client that went away.
    res.on('close', this.#ended)
    return record
  }

  #idOf(req: IncomingMessage): string {
    const given = req.headers['x-request-id']
    if (typeof given === 'string' && REQUEST_ID.test(given) && this.#parts.fromProxy(req)) return given
    this.#count += 1
    return `${this.#prefix}-${this.#count.toString(36)}`
  }

  #end(res: ServerResponse): void {
    const record = recordOf(res)
    if (record === undefined || record.ended) return
    record.ended = true
    const { metrics } = this.#parts
    const { req } = record
    metrics.inFlight -= 1
    const route = record.route ?? routeOf(record.segments)
    const ms = performance.now() - record.started
    const bytes = req.socket.bytesWritten - record.sentBefore
    const answer = { status: res.statusCode, bytes, ms, cut: !res.writableFinished }
    metrics.ended(record, route, answer)
    this.#tellDownload(record, route, res.statusCode)
    this.#write(record, route, answer)
  }

  #tellDownload({ req, segments, who }: RequestRecord, route: string, status: number): void {
    const { onDownload, clientAddress } = this.#parts
    if (onDownload === undefined || route !== FILE_ROUTE || req.method !== 'GET') return
    const project = segments?.[1]
    if (project === undefined || (status !== 200 && status !== 206)) return
    onDownload(project, who, clientAddress(req))
  }

  #write(
    record: RequestRecord,
    route: string,
    answer: { status: number; bytes: number; ms: number; cut: boolean },
  ): void {
    const { log, writeLine, requests, clientAddress } = this.#parts
    const { req, id, code, cache, who, error } = record
    const { status, bytes, ms, cut } = answer
    const level = levelOf(route, status, error)
    if (!log.isLevelEnabled(level) || (!requests && status < 500)) return
    const agent = req.headers['user-agent']
    writeLine(
      requestLine(level, isoNow(), {
        id,
        method: req.method ?? '',
        route,
        path: loggedPath(req.url ?? '/'),
        status,
        code,
        cache,
        bytes,
        ms: Math.round(ms * 100) / 100,
        client: clientAddress(req),
        user: who?.kind === 'principal' ? who.user : undefined,
        token: who?.kind === 'principal' ? who.tokenId : undefined,
        agent: agent === undefined ? undefined : loggedAgent(agent),
        cut: cut ? true : undefined,
        err: error === undefined ? undefined : errorChain(error),
      }),
    )
  }
}

function levelOf(route: string, status: number, error: unknown): 'debug' | 'info' | 'warn' | 'error' {
  if (error !== undefined) return 'error'
  if (QUIET.has(route)) return 'debug'
  return status >= 500 ? 'warn' : 'info'
}

/** The path as it was sent, without query and authority; what is not printable ASCII as `%XX` (attacks.md LOG). */
export function loggedPath(target: string): string {
  const query = target.indexOf('?')
  let path = query === -1 ? target : target.slice(0, query)
  if (!path.startsWith('/')) path = path.replace(/^[a-z]+:\/\/[^/]*/i, '')
  if (path.length > LOG_PATH_MAX) path = `${path.slice(0, LOG_PATH_MAX)}...`
  return printable(path)
}

function printable(text: string): string {
  return /^[!-~]*$/.test(text) ? text : text.replaceAll(/[^!-~]/g, escapeByte)
}

function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** The product that a client calls itself, such as `pip/26.0`: all that is of use, and bounded. */
function loggedAgent(agent: string): string {
  const blank = agent.indexOf(' ')
  return printable(agent.slice(0, blank === -1 ? LOG_AGENT_MAX : Math.min(blank, LOG_AGENT_MAX)))
}
