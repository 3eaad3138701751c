import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { DRAIN_MAX_BYTES, DRAIN_MAX_MS, MAX_HEADER_BYTES } from '../limits.ts'
import { foldReason } from './reason-phrase.ts'

/** Bytes read when the answer went out. */
const answered = new WeakMap<Socket, number>()

/**
 * Answers what is no request that could be read: headers without end, too slow, or not HTTP. What the client goes on to
 * send is thrown away unseen, within bounds, so that it sees the answer: closing with unread bytes would reset the
 * connection and take the answer with it.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!(socket instanceof Socket)) return void socket.destroy()
  const before = answered.get(socket)
  if (before !== undefined) {
    // The parser says the same of every further piece.
    if (socket.bytesRead - before > DRAIN_MAX_BYTES) socket.destroy()
    return
  }
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  answered.set(socket, socket.bytesRead)
  const [status, text] = statusOf(error.code)
  const timer = setTimeout(() => socket.destroy(), DRAIN_MAX_MS)
  socket.once('close', () => clearTimeout(timer))
  const answer = `HTTP/1.1 ${status} ${foldReason(text)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  // Whoever was too slow may complete its request yet; nobody answers it a second time.
  if (status === 408) socket.end(answer, () => socket.destroy())
  else socket.end(answer)
}

function statusOf(code: string | undefined): readonly [number, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `The headers are longer than ${MAX_HEADER_BYTES} bytes`]
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request took too long to arrive']
    default:
      return [400, 'This is not an HTTP request']
  }
}
