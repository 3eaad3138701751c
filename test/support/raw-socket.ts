import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** A bare connection to the server at `url`, and everything it answered so far. */
export interface RawConnection {
  readonly socket: Socket
  /** Resolves with all that was answered when the server closes the connection. */
  readonly closed: Promise<string>
}

/** `from` is the address that the server sees: any of 127.0.0.0/8. */
export function openSocket(url: string, from = '127.0.0.1'): RawConnection {
  const { hostname, port } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, localAddress: from })
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  socket.on('error', () => {})
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.on('close', () => resolve(answer))
  return { socket, closed: promise }
}
