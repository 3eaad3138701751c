import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Origin } from './origin.ts'

/** An index that refuses everything with this status and reason phrase. */
async function refusing(status: number, reason: string): Promise<{ readonly origin: Origin } & AsyncDisposable> {
  const server = createServer((_req, res) => res.writeHead(status, reason).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = new Origin({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  return {
    origin,
    async [Symbol.asyncDispose]() {
      origin[Symbol.dispose]()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const said = async (status: number, reason: string): Promise<readonly string[]> => {
  await using index = await refusing(status, reason)
  const page = await index.origin.askPage('demo', undefined)
  const file = await index.origin.file('/files/demo/x', 10, 5000).then(
    () => 'a file',
    (error: unknown) => (error instanceof Error ? error.message : 'no error'),
  )
  return [page.kind === 'unreachable' ? page.reason : page.kind, file]
}

void test('what an index withholds, it says why: that is passed on, and no token is asked for', async () => {
  for (const told of await said(403, 'Withheld until 2026-12-01: younger than three days')) {
    assert.match(told, /The index answers 403 Withheld until 2026-12-01: younger than three days\.$/)
  }
})

void test('an index that wants a token is told so', async () => {
  for (const told of await said(401, 'Unauthorized')) assert.match(told, /401.*waxseal trust login/)
})
