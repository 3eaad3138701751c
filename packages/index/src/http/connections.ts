import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_CONNECTION_REQUESTS, SEND_STALL_MS, UPLOAD_MIN_BYTES_PER_SECOND } from '../limits.ts'
import { clientNetwork } from './client-network.ts'
import { drain } from './drain.ts'

/** How many connections there may be. */
export interface ConnectionLimits {
  readonly total: number
  readonly perClient: number
  /** Descriptors for connections, and for the file that each request may open. */
  readonly descriptors: number
  /** Clients without a limit of their own: the trusted proxies, who stand for many. */
  readonly exempt: (address: string) => boolean
}

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
export class Connections {
  readonly #limits: ConnectionLimits
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #byPort = new Map<string, Connection>()
  readonly #clients = new Map<string, Client>()
  /** In the order in which they became idle. */
  readonly #idle = new Set<Connection>()
  readonly #busy = new Set<Connection>()
  #closing = false

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  /** Takes a new connection, or closes it. */
  admit(raw: Socket): void {
    if (this.#closing) return void raw.destroy()
    const { total, perClient, descriptors, exempt } = this.#limits
    const address = raw.remoteAddress
    const client = address === undefined || exempt(address) ? undefined : this.#clientAt(address)
    if (client !== undefined && client.count >= perClient && !this.#evict(client.idle)) return void raw.destroy()
    const full = () => this.size >= total || this.size + this.#busy.size >= descriptors
    if (full() && !this.#evict(this.#idle)) {
      if (client !== undefined) this.#forgetClient(clientNetwork(address ?? ''), client)
      return void raw.destroy()
    }
    const port = portOf(raw)
    const connection: Connection = {
      raw,
      socket: raw,
      client,
      address: client === undefined ? '' : clientNetwork(address ?? ''),
      requests: 0,
      restedAt: 0,
      draining: false,
      stalled: undefined,
    }
    if (client !== undefined) client.count += 1
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
      connection.raw.destroy()
      return 'cut'
    }
    if (connection.requests === 0) {
      if (this.size + this.#busy.size >= this.#limits.descriptors && !this.#evictOther(connection)) return 'no-room'
      this.#idle.delete(connection)
      connection.client?.idle.delete(connection)
      this.#busy.add(connection)
    }
    connection.requests += 1
    if (this.#closing) res.setHeader('Connection', 'close')
    res.once('close', () => {
      connection.requests -= 1
      if (!req.complete && !connection.raw.destroyed) void this.#drain(connection, req)
      if (connection.requests === 0 && this.#busy.delete(connection)) this.#rest(connection)
    })
    return 'begun'
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
      const allowed = SEND_STALL_MS + (1000 * bytes) / UPLOAD_MIN_BYTES_PER_SECOND
      if (now - stalled.since > allowed) connection.raw.destroy()
    }
  }

  /** A body that nobody wanted: without an end to it the connection would serve whoever keeps sending. */
  async #drain(connection: Connection, req: IncomingMessage): Promise<void> {
    connection.draining = true
    await drain(req)
    connection.draining = false
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
    connection.restedAt = connection.socket.bytesRead
    this.#idle.add(connection)
    connection.client?.idle.add(connection)
    if (this.#closing) this.#endIfIdle(connection)
  }

  #evict(idle: ReadonlySet<Connection>): boolean {
    const [longest] = idle
    if (longest === undefined) return false
    this.#remove(longest)
    longest.raw.destroy()
    return true
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
