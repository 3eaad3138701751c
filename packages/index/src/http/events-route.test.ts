import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { OPERATOR } from '../access/actor.ts'
import { createAuthenticator } from '../access/authenticator.ts'
import { createToken, revokeToken } from '../access/tokens.ts'
import { createUser, disableUser } from '../access/users.ts'
import { BackgroundWork } from '../background-work.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { EventsRoute } from './events-route.ts'
import { parseTarget } from './path.ts'
import { identify } from './requester.ts'

/** Longer than a stream may take to end: one that goes on fails the test by name. */
const HANG_MS = 10_000

suite('a stream of events ends with the right to it', () => {
  const parts = new AsyncDisposableStack()
  let store: Store
  let url: string
  let now = Date.parse('2026-11-24T12:00:00Z')
  const clock = { now: () => now }

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waxseal-events-route-'))
    parts.defer(() => rmSync(folder, { recursive: true }))
    store = parts.use(await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') }))
    const background = parts.use(new BackgroundWork({ graceMs: HANG_MS, onLate: () => assert.fail('late') }))
    const authenticator = createAuthenticator(store, clock, background)
    const route = new EventsRoute(store, 20)
    const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      const path = parseTarget(req.url ?? '/')
      const ask = () => identify(authenticator, req, '127.0.0.1')
      const who = await ask()
      assert.ok(path.kind !== 'refused' && who.kind !== 'refused')
      await route.serve({ req, res, path }, who, ask)
    }
    const server = createServer((req, res) => void serve(req, res))
    parts.defer(async () => {
      route.stop()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    url = `http://127.0.0.1:${address.port}/api/v1/events`
  })
  after(() => parts.disposeAsync())

  let users = 0
  /** A stream of a new administrator that has told of `seen` and is still open. */
  const open = async (expiresAt?: string) => {
    const name = `admin-${++users}`
    await createUser(store, clock, { name, admin: true, by: OPERATOR })
    const { id, token } = await createToken(store, clock, {
      user: name,
      scope: 'admin',
      by: OPERATOR,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` }
    const { body } = await fetch(url, { headers, signal: AbortSignal.timeout(HANG_MS) })
    assert.ok(body !== null)
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    const until = async (wanted: string) => {
      for (let text = ''; !text.includes(wanted);) {
        const { done, value } = await reader.read()
        assert.ok(!done, `ended before ${wanted}`)
        text += value
      }
    }
    const rest = async () => {
      for (let text = ''; ;) {
        const { done, value } = await reader.read()
        if (done) return text
        text += value
      }
    }
    await until(': open')
    await createUser(store, clock, { name: `seen-by-${name}`, admin: false, by: OPERATOR })
    await until(`seen-by-${name}`)
    return { name, id, until, rest }
  }

  test('a user who is disabled is told of nothing that follows', async () => {
    const stream = await open()
    await disableUser(store, clock, stream.name, OPERATOR)
    await createUser(store, clock, { name: 'after-disabling', admin: false, by: OPERATOR })
    const rest = await stream.rest()
    assert.doesNotMatch(rest, /user-disabled|after-disabling/)
  })

  test('a token that is revoked is good for nothing that follows', async () => {
    const stream = await open()
    const operator = { kind: 'principal', user: stream.name, scope: 'admin' } as const
    assert.ok(await revokeToken(store, clock, operator, stream.id, OPERATOR))
    await createUser(store, clock, { name: 'after-revoking', admin: false, by: OPERATOR })
    assert.doesNotMatch(await stream.rest(), /token-revoked|after-revoking/)
  })

  test('a token that expires ends a stream that has nothing to tell', async () => {
    const stream = await open(new Date(now + 3_600_000).toISOString())
    await stream.until(': alive')
    now += 3_600_000
    assert.match(await stream.rest(), /^(?:: alive\n\n)*$/)
  })
})
