import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GuardEndpoint } from '@waxseal/guard'
import { ask } from '../test/support/raw-http.ts'
import { JSON_TYPE } from './page.ts'

export interface Relay extends AsyncDisposable {
  readonly endpoint: GuardEndpoint
}

/** What a guard would be that relays what the index says instead of rendering what it has signed. */
export async function startRelay({ url, origin, proxyUrl }: GuardEndpoint): Promise<Relay> {
  const secret = new URL(url).pathname
  const server = createServer((request, response) => {
    void (async () => {
      const path = (request.url ?? '').replace(secret, '')
      const { status, headers, body } = await ask(`${origin}${path}`, { headers: { accept: JSON_TYPE } })
      const kept = ['content-type', 'content-encoding'].flatMap((name) =>
        headers[name] === undefined ? [] : [[name, String(headers[name])] as const],
      )
      response.writeHead(status, Object.fromEntries(kept)).end(body)
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: { url: `http://127.0.0.1:${port}${secret}`, proxyUrl, origin },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
