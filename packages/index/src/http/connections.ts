import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_CONNECTION_REQUESTS } from '../limits.ts'
import { peerAddress } from './client-address.ts'
import { clientNetwork } from './client-network.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import type { ConnectionCounts, ConnectionRefusal, ConnectionWatch } from './connection-watch.ts'
import { drain } from './drain.ts'

interface Client {
  count: number
  readonly idle: Set<Connection>
}

interface Connection {
  readonly raw: Socket
  /** What requests arrive on: the raw connection, or TLS over it. */
  socket: Socket
  readonly client: Client | undefined
  readonly address: string
  requests: number
  /** The newest of these requests, and its answer. */
  newest: { readonly req: IncomingMessage; readonly res: ServerResponse } | undefined
  /** Ends it after these requests: no other can follow. */
  end: (() => void) | undefined
  /** Bytes read when the last request was over: more of them are the beginning of the next one. */
  restedAt: number
  /** The rest of a refused body is being read, so that the client sees the answer. */
  draining: boolean
  /** While bytes wait for the client: how many it has taken so far, and since when it is the same number. */
  stalled: { readonly taken: number; readonly since: number } | undefined
}

/**
 * The connections of a server, and who gives way to whom: at a limit the connection that has been without a request for
 * longest is closed, so that however many of them someone holds, a new client is answered (attacks.md SR-2). Without
 * any such connection the newcomer goes. One that sends its headers slowly counts as without a request.
 */
export class Connections implements ConnectionCounts {
  readonly #limits: ConnectionLimits
  readonly #watch: ConnectionWatch
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #byPort = new Map<string, Connection>()
  readonly #clients = new Map<string, Client>()
  /** In the order in which they became idle. */
  readonly #idle = new Set<Connection>()
  readonly #busy = new Set<Connection>()
  #closing = false

  constructor(limits: ConnectionLimits, watch: ConnectionWatch) {
    this.#limits = limits
    this.#watch = watch
  }

  /** Takes a new connection, or closes it. */
  admit(raw: Socket): void {
    if (this.#closing) return void raw.destroy()
    const { total, perClient, descriptors, exempt } = this.#limits
    const address = raw.remoteAddress
    const client = address === undefined || exempt(address) ? undefined : this.#clientAt(address)
    if (client !== undefined && client.count >= perClient && !this.#evict(client.idle)) {
      return this.#refuse(raw, 'client-full')
    }
    const full = () => this.size >= total || this.size + this.#busy.size >= descriptors
    if (full() && !this.#evict(this.#idle)) {
      if (client !== undefined) this.#forgetClient(clientNetwork(address ?? ''), client)
      return this.#refuse(raw, 'full')
    }
    const port = portOf(raw)
    const connection: Connection = {
      raw,
      socket: raw,
      client,
      address: client === undefined ? '' : clientNetwork(address ?? ''),
      requests: 0,
      newest: undefined,
      end: undefined,
      restedAt: 0,
      draining: false,
      stalled: undefined,
    }
    if (client !== undefined) {
      client.count += 1
      // It may have been forgotten just now, with the only connection that it had.
      this.#clients.set(connection.address, client)
    }
    this.#bySocket.set(raw, connection)
    this.#byPort.set(port, connection)
    this.#rest(connection)
    raw.once('close', () => {
      if (this.#byPort.get(port) === connection) this.#byPort.delete(port)
      this.#remove(connection)
    })
  }

  /** Notes that `socket` is TLS over an admitted connection. */
  secured(socket: Socket): void {
    const connection = this.#byPort.get(portOf(socket))
    if (connection === undefined) return
    connection.socket = socket
    connection.restedAt = socket.bytesRead
    this.#bySocket.set(socket, connection)
  }

  /**
   * Notes a request until its answer is out. `no-room`: it is to be refused, and nothing was noted. `cut`: its
   * connection has been ended, and it needs no answer.
   */
  begin(req: IncomingMessage, res: ServerResponse): 'begun' | 'no-room' | 'cut' {
    // Whatever else came with the same packet is still handed to us after the end.
    if (req.socket.destroyed) return 'cut'
    const connection = this.#bySocket.get(req.socket)
    if (connection === undefined) return 'begun'
    // What is asked without waiting for answers is kept in memory until they are out, whoever reads none of them.
    if (connection.requests >= MAX_CONNECTION_REQUESTS) {
      this.#refuse(connection.raw, 'pipelined')
      return 'cut'
    }
    if (connection.requests === 0) {
      if (this.size + this.#busy.size >= this.#limits.descriptors && !this.#evictOther(connection)) return 'no-room'
      this.#idle.delete(connection)
      connection.client?.idle.delete(connection)
      this.#busy.add(connection)
    }
    connection.requests += 1
    connection.newest = { req, res }
    if (this.#closing) res.setHeader('Connection', 'close')
    res.once('close', () => {
      connection.requests -= 1
      if (!req.complete && !connection.raw.destroyed) void this.#drain(connection, req)
      if (connection.requests === 0 && this.#busy.delete(connection)) this.#rest(connection)
    })
    return 'begun'
  }

  /**
   * Notes that what comes on `socket` is no request any more. `free`: it may be told. `waits`: requests of before get
   * their answers, then it is ended by `end`. `half-answered`: it is to be cut off, whatever is said would stand inside
   * of an answer.
   */
  breakOff(socket: Socket, end: () => void): 'free' | 'waits' | 'half-answered' {
    const connection = this.#bySocket.get(socket)
    if (connection?.newest === undefined) return 'free'
    const { req, res } = connection.newest
    if (req.complete) {
      connection.end = end
      return 'waits'
    }
    // What broke is the body of this one.
    return connection.requests === 1 && !res.headersSent ? 'free' : 'half-answered'
  }

  /** From now on connections end with their request, and those without one at once; admits none any more. */
  close(): void {
    this.#closing = true
    for (const connection of this.#idle) this.#endIfIdle(connection)
  }

  /** Cuts off whatever is left. */
  cut(): void {
    for (const connection of [...this.#idle, ...this.#busy]) connection.raw.destroy()
  }

  /** Connections at the moment. */
  get size(): number {
    return this.#idle.size + this.#busy.size
  }

  /** Requests at the moment, several on one connection counted once. */
  get busy(): number {
    return this.#busy.size
  }

  /**
   * Closes connections whose client takes nothing of an answer any more. To be called now and then with a clock that
   * only goes forward, in milliseconds.
   */
  endStalled(now: number): void {
    const { stallMs, minBytesPerSecond } = this.#limits
    for (const connection of this.#busy) {
      const { bytesWritten, writableLength: bytes } = connection.socket
      // What waits says nothing: of a file that is being sent, one chunk always waits.
      const taken = bytesWritten - bytes
      const { stalled } = connection
      if (bytes === 0 || stalled?.taken !== taken) {
        connection.stalled = bytes === 0 ? undefined : { taken, since: now }
        continue
      }
      // A piece shows no progress before its end: it gets the time that its size needs.
      const allowed = stallMs + (1000 * bytes) / minBytesPerSecond
      if (now - stalled.since > allowed) this.#refuse(connection.raw, 'stalled')
    }
  }

  /** A body that nobody wanted: without an end to it the connection would serve whoever keeps sending. */
  async #drain(connection: Connection, req: IncomingMessage): Promise<void> {
    connection.draining = true
    await drain(req, this.#limits.drain)
    connection.draining = false
    // What came meanwhile was the rest of this body, not the beginning of a request.
    if (connection.requests === 0) connection.restedAt = connection.socket.bytesRead
    if (this.#closing) this.#endIfIdle(connection)
  }

  #endIfIdle(connection: Connection): void {
    // What has begun to send a request may finish it: its headers have a time limit.
    const { socket, draining, requests } = connection
    if (requests === 0 && !draining && socket.bytesRead === connection.restedAt) socket.destroySoon()
  }

  #clientAt(address: string): Client {
    const network = clientNetwork(address)
    const known = this.#clients.get(network)
    if (known !== undefined) return known
    const client: Client = { count: 0, idle: new Set() }
    this.#clients.set(network, client)
    return client
  }

  #forgetClient(network: string, client: Client): void {
    if (client.count === 0 && this.#clients.get(network) === client) this.#clients.delete(network)
  }

  #rest(connection: Connection): void {
    if (connection.raw.destroyed) return
    connection.stalled = undefined
    connection.newest = undefined
    connection.restedAt = connection.socket.bytesRead
    this.#idle.add(connection)
    connection.client?.idle.add(connection)
    if (connection.end !== undefined) connection.end()
    else if (this.#closing) this.#endIfIdle(connection)
  }

  #evict(idle: ReadonlySet<Connection>): boolean {
    const [longest] = idle
    if (longest === undefined) return false
    this.#remove(longest)
    this.#refuse(longest.raw, 'evicted')
    return true
  }

  #refuse(raw: Socket, why: ConnectionRefusal): void {
    this.#watch.refused(why, peerAddress(raw))
    raw.destroy()
  }

  #evictOther(than: Connection): boolean {
    for (const connection of this.#idle) {
      if (connection === than) continue
      return this.#evict(new Set([connection]))
    }
    return false
  }

  #remove(connection: Connection): void {
    const known = this.#idle.delete(connection) || this.#busy.delete(connection)
    const { client } = connection
    if (!known || client === undefined) return
    client.idle.delete(connection)
    client.count -= 1
    this.#forgetClient(connection.address, client)
  }
}

/** TLS stands on its raw connection under the same addresses: what joins the two. */
function portOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}
