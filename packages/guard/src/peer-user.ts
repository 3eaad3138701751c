import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Where Linux tells of each socket who opened it (proc_net(5)); programs may reach an IPv4 address by an IPv6 socket. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

/**
 * Whether the program at the other end belongs to another user of this machine (attacks.md CLI-3): the secret in the path may have been
 * seen, since pip puts it into the arguments of the pip that it starts for a build. Undefined where the system does not tell.
 */
export function isOtherUsers({ remotePort, localPort }: Socket): boolean | undefined {
  const uid = process.getuid?.()
  if (uid === undefined || remotePort === undefined || localPort === undefined) return undefined
  for (const table of TABLES) {
    let text: string
    try {
      text = readFileSync(table, 'latin1')
    } catch {
      continue
    }
    const owner = ownerIn(text, remotePort, localPort)
    if (owner !== undefined) return owner !== uid
  }
  return undefined
}

/** The user of the socket that is bound to `port` and connected to `peerPort`. */
export function ownerIn(table: string, port: number, peerPort: number): number | undefined {
  // sl, local address:port, remote address:port, state, queues, timer, retransmits, uid
  const line = new RegExp(
    `^ *[0-9]+: [0-9A-F]+:${hex(port)} [0-9A-F]+:${hex(peerPort)} [0-9A-F]{2} \\S+ \\S+ \\S+ +([0-9]+) `,
    'm',
  ).exec(table)
  return line?.[1] === undefined ? undefined : Number(line[1])
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}
