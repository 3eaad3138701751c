import { ServerResponse } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import type { Requester } from '../access/permissions.ts'

/**
 * Where an answer came from: the word of a request's log line. A page: `memory` (encoded before), `made` (encoded now),
 * `refreshed` (its upstream was asked first), `stale` (it was asked and did not answer; the page from before),
 * `negative` (the upstream said not long ago that it has no such project). A file: `memory`, `disk`, `proxy` (nginx
 * sends it), `fill-started` and `fill-joined` (fetched from the upstream, by this request or one before).
 * `revalidated`: the client has it already (304). `none`: nothing of the kind.
 */
export const CACHE_RESULTS = [
  'memory',
  'made',
  'refreshed',
  'stale',
  'negative',
  'disk',
  'proxy',
  'fill-started',
  'fill-joined',
  'revalidated',
  'none',
] as const

export type CacheResult = (typeof CACHE_RESULTS)[number]

const recordKey = Symbol('request record')

declare module 'node:http' {
  interface ServerResponse {
    [recordKey]?: RequestRecord
  }
}

/** What is known of one request while it is answered; its log line and its metrics are made from it at the end. */
export class RequestRecord {
  readonly req: IncomingMessage
  /** Given back as `X-Request-Id`. */
  readonly id: string
  /** Of `performance.now()`. */
  readonly started: number
  /** What the connection had sent before. */
  readonly sentBefore: number
  /** Decoded; absent while the address is not known to be one. */
  segments: readonly string[] | undefined
  /** The template, where the one who answers knows it better than the address tells. */
  route: string | undefined
  cache: CacheResult = 'none'
  /** The refusal's, from the catalogue. */
  code: string | undefined
  who: Requester | undefined
  /** What went wrong, where the answer does not tell. */
  error: unknown
  upload: 'accepted' | 'identical' | undefined
  ended = false

  constructor(req: IncomingMessage, id: string) {
    this.req = req
    this.id = id
    this.started = performance.now()
    this.sentBefore = req.socket.bytesWritten
  }
}

/** Attaches `record` to its answer; from now on the answer carries the id. */
export function attachRecord(res: ServerResponse, record: RequestRecord): void {
  res[recordKey] = record
  // One place for every way to answer; a header set beforehand would cost the fast path of flat header lists.
  res.writeHead = writeHeadWithId
}

/** The record of the request that `res` answers; absent where nobody observes. */
export function recordOf(res: ServerResponse): RequestRecord | undefined {
  return res[recordKey]
}

/** Notes a failure that no route expected: the client gets a refusal without details, the log has them. */
export function noteFailure(res: ServerResponse, error: unknown): void {
  const record = res[recordKey]
  if (record !== undefined) record.error = error
}

/** Notes the template of the route that answers. */
export function noteRoute(res: ServerResponse, route: string): void {
  const record = res[recordKey]
  if (record !== undefined) record.route = route
}

/** Notes the code with which a request is refused. */
export function noteRefusal(res: ServerResponse, code: string): void {
  const record = res[recordKey]
  if (record !== undefined) record.code = code
}

/** Notes where the answer comes from. That an upstream was asked, or not, stays the news. */
export function noteCache(res: ServerResponse, result: CacheResult): void {
  const record = res[recordKey]
  if (record === undefined) return
  if (record.cache === 'refreshed' || record.cache === 'stale' || record.cache === 'negative') return
  record.cache = result
}

/** Node's own, in the form that takes all three. */
const plain: { writeHead(status: number, reason?: string, headers?: Headers): ServerResponse } =
  ServerResponse.prototype

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[]

function writeHeadWithId(
  this: ServerResponse,
  status: number,
  reason?: string | Headers,
  headers?: Headers,
): ServerResponse {
  const given = typeof reason === 'string' ? headers : reason
  const phrase = typeof reason === 'string' ? reason : undefined
  const id = this[recordKey]?.id ?? ''
  if (Array.isArray(given)) return plain.writeHead.call(this, status, phrase, [...given, 'X-Request-Id', id])
  this.setHeader('X-Request-Id', id)
  return plain.writeHead.call(this, status, phrase, given)
}
