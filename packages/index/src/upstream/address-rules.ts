import { BlockList, isIP } from 'node:net'

/**
 * Every IPv4 range that is not public unicast: IANA's special-purpose registry (RFC 6890), and the one cloud metadata
 * address that lies outside it.
 */
const NOT_PUBLIC_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's metadata and DNS service answers on this otherwise public address.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** What is special within 2000::/3, the only block of IPv6 that is global unicast (RFC 4291 2.4). */
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4 carries any IPv4 address inside.
  ['2002::', 16],
  ['3fff::', 20],
]

const notPublic = new BlockList()
for (const [network, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(network, prefix, 'ipv6')

const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

const nat64 = new BlockList()
nat64.addSubnet('64:ff9b::', 96, 'ipv6')

/**
 * Whether `address`, an IP literal without brackets, is a public unicast address that a link from outside may make us
 * connect to (attacks.md API-SSRF). Whatever is not an IP literal, or carries a zone, is not. IPv4-mapped addresses
 * never are: no public service is reached by one. NAT64's (RFC 6052) are judged by the IPv4 address they carry.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  if (nat64.check(address, 'ipv6')) return isPublicAddress(lastFourBytes(address))
  return globalUnicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6')
}

/** The low 32 bits of a valid IPv6 literal, as a dotted quad. */
function lastFourBytes(address: string): string {
  // The URL parser writes any IPv6 literal in one form, with an embedded dotted quad turned into groups.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const tail = canonical.slice(canonical.lastIndexOf('::') + 2).split(':')
  const low = Number.parseInt(tail.at(-1) || '0', 16)
  const high = canonical.endsWith('::') ? 0 : Number.parseInt(tail.at(-2) ?? '0', 16)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}
