import { readFileSync } from 'node:fs'
import {
  CONNECTIONS_INTERVAL_MS,
  DRAIN_MAX_BYTES,
  DRAIN_MAX_MS,
  MAX_CLIENT_CONNECTIONS,
  MAX_CONNECTIONS,
  RESERVED_DESCRIPTORS,
  SEND_STALL_MS,
  TLS_HANDSHAKE_MS,
  UPLOAD_MIN_BYTES_PER_SECOND,
} from '../limits.ts'
import type { DrainLimits } from './drain.ts'

/** What connections may do. Times in milliseconds. */
export interface ConnectionLimits {
  /** How many there may be. */
  readonly total: number
  readonly perClient: number
  /** Clients without a limit of their own: the trusted proxies, who stand for many. */
  readonly exempt: (address: string) => boolean
  /** Descriptors for connections, and for the file that each request may open. */
  readonly descriptors: number
  /** Until a TLS handshake must be done. */
  readonly handshakeMs: number
  /** How long a client may take nothing of an answer, and how fast it must take a piece that shows no progress. */
  readonly stallMs: number
  readonly minBytesPerSecond: number
  /** How often that is looked at, and headers that are late. */
  readonly intervalMs: number
  /** What is read of what nobody wants, so that the answer arrives. */
  readonly drain: Required<DrainLimits>
}

/** What `limits.ts` and the system allow, and nobody exempt. */
export function connectionLimits(): ConnectionLimits {
  return {
    total: MAX_CONNECTIONS,
    perClient: MAX_CLIENT_CONNECTIONS,
    exempt: () => false,
    descriptors: Math.max(RESERVED_DESCRIPTORS, openFilesLimit() - RESERVED_DESCRIPTORS),
    handshakeMs: TLS_HANDSHAKE_MS,
    stallMs: SEND_STALL_MS,
    minBytesPerSecond: UPLOAD_MIN_BYTES_PER_SECOND,
    intervalMs: CONNECTIONS_INTERVAL_MS,
    drain: { maxBytes: DRAIN_MAX_BYTES, maxMs: DRAIN_MAX_MS },
  }
}

/** Node raises its own limit as far as the system lets it; where that cannot be read, it is not the limit. */
function openFilesLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
