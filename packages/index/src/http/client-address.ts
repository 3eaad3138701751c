import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv4 } from 'node:net'
import type { Socket } from 'node:net'
import { FORWARDED_FOR_MAX } from '../limits.ts'

/** The proxies whose X-Forwarded-For we believe. */
export interface TrustedProxies {
  readonly has: (address: string) => boolean
}

/** Nobody's X-Forwarded-For is believed: the default. */
export const NO_PROXIES: TrustedProxies = { has: () => false }

/**
 * Reads the configured proxies: addresses and CIDR ranges of either family. An entry that is neither is returned as
 * `invalid`, for the configuration's error message.
 */
export function trustedProxies(
  entries: readonly string[],
):
  | { readonly kind: 'proxies'; readonly proxies: TrustedProxies }
  | { readonly kind: 'invalid'; readonly entry: string } {
  const list = new BlockList()
  for (const entry of entries) {
    const slash = entry.indexOf('/')
    const address = plainAddress(slash === -1 ? entry : entry.slice(0, slash))
    if (address === undefined) return { kind: 'invalid', entry }
    const bits = isIPv4(address) ? 32 : 128
    const prefix = slash === -1 ? String(bits) : entry.slice(slash + 1)
    if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return { kind: 'invalid', entry }
    list.addSubnet(address, Number(prefix), family(address))
  }
  return { kind: 'proxies', proxies: { has: (address) => isListed(list, address) } }
}

function isListed(list: BlockList, text: string): boolean {
  const address = plainAddress(text)
  return address !== undefined && list.check(address, family(address))
}

/**
 * The address of whoever sent a request, for limits and logs, never for access. From the right, X-Forwarded-For is
 * followed through trusted proxies only: what stands further left was written by the client itself.
 */
export function clientAddress(
  remoteAddress: string | undefined,
  forwardedFor: string | undefined,
  proxies: TrustedProxies,
): string {
  let address = plainAddress(remoteAddress ?? '') ?? 'unknown'
  if (forwardedFor === undefined || address === 'unknown') return address
  const hops = forwardedFor.slice(-FORWARDED_FOR_MAX).split(',')
  while (proxies.has(address)) {
    const hop = hops.pop()
    // A first hop that the cap may have cut in two does not count.
    if (hop === undefined || (hops.length === 0 && forwardedFor.length > FORWARDED_FOR_MAX)) break
    const next = plainAddress(hop)
    if (next === undefined) break
    address = next
  }
  return address
}

/** The address at the other end of a connection, for logs: a proxy's, where there is one. */
export function peerAddress(socket: Socket): string {
  return clientAddress(socket.remoteAddress, undefined, NO_PROXIES)
}

/** Tells who sent a request: what the rest of the server sees of proxies. */
export type ClientAddress = (req: IncomingMessage) => string

/** `clientAddress` for requests, with the configured proxies. */
export function clientAddressBehind(proxies: TrustedProxies): ClientAddress {
  return (req) => {
    // Several such headers come as one list; the type allows for more than Node does.
    const header = req.headers['x-forwarded-for']
    return clientAddress(req.socket.remoteAddress, Array.isArray(header) ? header.join(',') : header, proxies)
  }
}

/** Whether the connection itself comes from one of `proxies`. */
export function comesFrom(proxies: TrustedProxies): (req: IncomingMessage) => boolean {
  return (req) => {
    const address = plainAddress(req.socket.remoteAddress ?? '')
    return address !== undefined && proxies.has(address)
  }
}

const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i
const WITH_PORT = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/

/** An address without port, brackets and zone, IPv4 in its own notation; `undefined` when it is none. */
function plainAddress(text: string): string | undefined {
  // As every socket of IPv4 has it: asked for each request.
  if (isIPv4(text)) return text
  const trimmed = text.trim()
  const [, bracketed, dotted] = WITH_PORT.exec(trimmed) ?? []
  const bare = (bracketed ?? dotted ?? trimmed).replace(/%.*$/, '').toLowerCase()
  const address = MAPPED_IPV4.exec(bare)?.[1] ?? bare
  return isIP(address) === 0 ? undefined : address
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}
