import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup as systemLookup } from 'node:dns'
import { isIP } from 'node:net'
import type { buildConnector as connectors, Dispatcher } from 'undici'
import { IndexError } from '../error.ts'
import { UPSTREAM_CONNECTIONS_PER_ORIGIN } from '../limits.ts'
import { isPublicAddress } from './address-rules.ts'
import type { UpstreamConfig } from './config.ts'

/** Every address of a host name. In the server that is the system's resolver; a test brings its own. */
export type ResolveHost = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void

export const resolveBySystem: ResolveHost = (hostname, callback) => systemLookup(hostname, { all: true }, callback)

/**
 * undici's way to an upstream. A configured origin is connected to as it is. For any other, the host name is resolved
 * once, all its addresses must be public, and the connection goes to one of exactly these: a second look-up with
 * another answer (DNS rebinding, attacks.md API-SSRF) cannot happen, because there is none.
 *
 * undici is loaded here, with the first request: 6 MB that an index without questions to others does not need.
 */
export async function openDispatcher(
  config: Pick<UpstreamConfig, 'ca' | 'proxy' | 'connectTimeoutMs'>,
  configured: ReadonlySet<string>,
  resolve: ResolveHost,
): Promise<Dispatcher> {
  const { Agent, ProxyAgent, buildConnector } = await import('undici')
  const shared = {
    connections: UPSTREAM_CONNECTIONS_PER_ORIGIN,
    // The client measures time itself, floor and deadline included; see `http-client.ts`.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  }
  const tls = config.ca === undefined ? {} : { ca: config.ca }
  if (config.proxy !== undefined) {
    return new ProxyAgent({
      ...shared,
      uri: config.proxy,
      connectTimeout: config.connectTimeoutMs,
      requestTls: { ...tls, timeout: config.connectTimeoutMs },
      proxyTls: { timeout: config.connectTimeoutMs },
    })
  }
  const options = { ...tls, timeout: config.connectTimeoutMs, allowH2: false }
  const toConfigured = buildConnector({
    ...options,
    lookup: checkedLookup(resolve, () => true),
  })
  const toPublic = buildConnector({
    ...options,
    lookup: checkedLookup(resolve, isPublicAddress),
  })
  const connect: connectors.connector = (to, callback) => {
    const host = to.hostname.startsWith('[') ? to.hostname.slice(1, -1) : to.hostname
    if (configured.has(originOf(to))) return toConfigured(to, callback)
    // An address literal is never looked up, so the look-up could not refuse it.
    if (isIP(host) !== 0 && !isPublicAddress(host)) return callback(notPublic(host), null)
    return toPublic(to, callback)
  }
  return new Agent({ ...shared, connect })
}

/**
 * Behind a proxy the proxy resolves. What this machine can resolve itself must be public all the same; what it cannot
 * is left to the proxy, whose rules then decide.
 */
export function checkBeforeProxy(hostname: string, resolve: ResolveHost): Promise<void> {
  const { promise, resolve: pass, reject } = Promise.withResolvers<void>()
  resolve(hostname, (error, addresses) => {
    if (error === null && !addresses.every(({ address }) => isPublicAddress(address))) reject(notPublic(hostname))
    else pass()
  })
  return promise
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** net's look-up: hands on exactly the addresses that one resolution gave, if all are accepted, else IndexError `not-allowed`. */
export function checkedLookup(resolve: ResolveHost, accepts: (address: string) => boolean) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, (error, addresses) => {
      const first = addresses?.[0]
      if (error !== null) callback(error, [])
      else if (first === undefined || !addresses.every(({ address }) => accepts(address)))
        callback(notPublic(hostname), [])
      else if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
  }
}

function originOf(to: connectors.Options): string {
  return new URL(
    `${to.protocol}//${to.host ?? to.hostname}${to.host === undefined && to.port !== '' ? `:${to.port}` : ''}`,
  ).origin
}

function notPublic(host: string): IndexError {
  return new IndexError('not-allowed', `${host} is not, or not only, at public addresses.`)
}
