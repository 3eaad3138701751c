import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { MAX_HEADER_BYTES } from '../limits.ts'
import { peerAddress } from './client-address.ts'
import type { ConnectionRefusal, ConnectionWatch } from './connection-watch.ts'
import type { Connections } from './connections.ts'
import type { DrainLimits } from './drain.ts'
import { foldReason } from './reason-phrase.ts'

interface BrokenRequestParts {
  readonly connections: Connections
  readonly watch: ConnectionWatch
  readonly drain: Required<DrainLimits>
}

/** Bytes read when the first of it was seen. */
const seen = new WeakMap<Socket, number>()

/**
 * Answers what is no request that could be read: headers without end, too slow, or not HTTP. What the client goes on to
 * send is thrown away unseen, within bounds, so that it sees the answer: closing with unread bytes would reset the
 * connection and take the answer with it.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex, parts: BrokenRequestParts): void {
  if (!(socket instanceof Socket)) return void socket.destroy()
  const { connections, watch, drain } = parts
  const before = seen.get(socket)
  if (before !== undefined) {
    // The parser says the same of every further piece.
    if (socket.bytesRead - before > drain.maxBytes) socket.destroy()
    return
  }
  seen.set(socket, socket.bytesRead)
  // Without TLS there is nobody to answer.
  if (isTlsFailure(error.code)) {
    watch.refused('tls', peerAddress(socket))
    return void socket.destroy()
  }
  // Gone, or told to go already.
  if (!socket.writable) return void socket.destroy()
  const { why, status, text } = refusalOf(error.code)
  const end = (answer: string): void => {
    const timer = setTimeout(() => socket.destroy(), drain.maxMs)
    socket.once('close', () => clearTimeout(timer))
    // Whoever was too slow may complete its request yet; nobody answers it a second time.
    if (status === 408) socket.end(answer, () => socket.destroy())
    else socket.end(answer)
  }
  const state = connections.breakOff(socket, () => end(''))
  watch.refused(why, peerAddress(socket), state === 'free' ? status : undefined)
  if (state === 'free') end(`HTTP/1.1 ${status} ${foldReason(text)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  else if (state === 'half-answered') socket.destroy()
}

function isTlsFailure(code = ''): boolean {
  return code.startsWith('ERR_SSL_') || code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
}

function refusalOf(code: string | undefined): {
  readonly why: ConnectionRefusal
  readonly status: number
  readonly text: string
} {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { why: 'headers-too-large', status: 431, text: `The headers are longer than ${MAX_HEADER_BYTES} bytes` }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { why: 'headers-late', status: 408, text: 'The request took too long to arrive' }
    default:
      return { why: 'not-http', status: 400, text: 'This is not an HTTP request' }
  }
}
