import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Before a server: counts what its clients get, headers and compression as they are on the wire. */
export interface CountingProxy extends AsyncDisposable {
  readonly url: string
  /** Bytes that came from the server since the last call. */
  take(): number
}

export async function countingProxy(behind: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(behind)
  const sockets = new Set<Socket>()
  let bytes = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    upstream.on('data', (piece) => (bytes += piece.length))
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // Either end may go first; the other is told by the pipe.
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = bytes
      bytes = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
