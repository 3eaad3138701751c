import type { IncomingMessage, ServerResponse } from 'node:http'

/** Why a connection was closed without a request that anybody could answer, or in the middle of one. */
export const CONNECTION_REFUSALS = [
  /** It was idle for longest when another one needed its place. */
  'evicted',
  /** It came when all were busy: of its client, or of everybody. */
  'client-full',
  'full',
  /** It asked more at a time than one connection may. */
  'pipelined',
  /** Its client took nothing of an answer any more. */
  'stalled',
  /** What it sent: nothing that is HTTP (400), headers that came too slowly (408), or without end (431). */
  'not-http',
  'headers-late',
  'headers-too-large',
  /** Its TLS handshake failed, or did not come in time. */
  'tls',
] as const

export type ConnectionRefusal = (typeof CONNECTION_REFUSALS)[number]

/** How many connections there are, and how many of them have a request that is being answered. */
export interface ConnectionCounts {
  readonly size: number
  readonly busy: number
}

/** Told of what a listening server does by itself: for the log and metrics, nothing is decided by it. Must not throw. */
export interface ConnectionWatch {
  /** A server begins to listen; `counts` can be looked at from now on. */
  opened(counts: ConnectionCounts): void
  /** A connection is closed; `client` is its address, `status` what it is told. */
  refused(why: ConnectionRefusal, client: string, status?: number): void
  /** A request is about to be refused that no handler gets to see. */
  refusing(req: IncomingMessage, res: ServerResponse): void
}

/** Nobody is told. */
export const UNWATCHED: ConnectionWatch = { opened: () => {}, refused: () => {}, refusing: () => {} }
