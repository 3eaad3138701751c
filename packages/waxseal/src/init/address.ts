import type { ServerConfig } from '../config/load.ts'

/** Where clients will reach an index, with a final slash; on this machine, where nothing says more. */
export function addressOf({ listen, index, tls }: ServerConfig): string {
  const [{ host, port } = { host: '', port: 0 }] = listen
  const shown = host === '' || host === '0.0.0.0' || host === '::' ? 'localhost' : host
  const scheme = tls === undefined ? 'http' : 'https'
  const url = index.publicUrl ?? `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${port}/`
  return url.endsWith('/') ? url : `${url}/`
}
