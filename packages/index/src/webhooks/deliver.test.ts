import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { OPERATOR } from '../access/actor.ts'
import { createUser } from '../access/users.ts'
import { WEBHOOK_DELAYS_MS, WEBHOOK_FAILING_ATTEMPTS, WEBHOOK_MAX_DELAY_MS, WEBHOOK_SKIPPED } from '../limits.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { deliver, webhookRow } from './deliver.ts'
import type { DeliveryParts } from './deliver.ts'
import { WebhookPost } from './post-message.ts'
import { readWebhooks, webhookAttention } from './read-webhooks.ts'
import { isSignedMessage } from './webhook-message.ts'

interface Received {
  readonly type: string
  readonly id: number
  readonly webhookId: string
  readonly signed: boolean
}

const signer = keySigner(generatePrivateKey())

suite('events are sent to a receiver', () => {
  let parts: AsyncDisposableStack
  let store: Store
  let url: string
  let now: number
  let received: Received[]
  /** What the receiver answers: a status, or undefined for nothing at all. */
  let answer: (got: Received) => number | undefined | Promise<number | undefined>
  let answerHeaders: Record<string, string>
  const clock = { now: () => now }

  beforeEach(async () => {
    parts = new AsyncDisposableStack()
    now = Date.parse('2026-11-26T10:00:00Z')
    received = []
    answer = () => 204
    answerHeaders = {}
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-webhook-'))
    parts.defer(() => rm(folder, { recursive: true }))
    store = parts.use(await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') }))
    const server = createServer((request, response) => {
      void read(request).then(async (got) => {
        received.push(got)
        const status = await answer(got)
        if (status === undefined) response.destroy()
        else response.writeHead(status, answerHeaders).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    parts.defer(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`
    await webhookRow(store, 'chat')
  })
  afterEach(() => parts.disposeAsync())

  async function read(request: IncomingMessage): Promise<Received> {
    const body = Buffer.concat(await request.toArray())
    const header = (name: string) => String(request.headers[`webhook-${name}`])
    const message = { id: header('id'), timestamp: header('timestamp'), signature: header('signature'), body }
    const { type, data } = JSON.parse(body.toString()) as { type: string; data: { id: number } }
    const right = request.method === 'POST' && request.url === '/hook?x=1' && Number(header('timestamp')) === now / 1000
    return { type, id: data.id, webhookId: message.id, signed: right && isSignedMessage(message, signer.key.keyObject) }
  }
  const happen = (name: string) => createUser(store, clock, { name, admin: false, by: OPERATOR })
  const partsOf = (others: Partial<DeliveryParts['webhook']> = {}): DeliveryParts => {
    const webhook = { name: 'chat', url, key: { kind: 'env', variable: 'X' }, ...others } as const
    const post = parts.use(new WebhookPost(webhook))
    return { store, clock, webhook, post, signer: async () => signer, jitter: () => 0 }
  }
  const send = (of = partsOf()) => deliver(of, new AbortController().signal)
  const ids = () => received.map(({ id }) => id)
  const state = async () => (await readWebhooks(store)).find(({ name }) => name === 'chat') ?? assert.fail('no row')
  const told = async () => {
    const rows = await store.db
      .selectFrom('event')
      .select(['kind', 'detail'])
      .where('kind', 'like', 'webhook-%')
      .execute()
    return rows.map(({ kind, detail }) => [kind, JSON.parse(detail) as unknown])
  }

  test('each once, in order, signed; a new webhook begins with what happens from then on', async () => {
    await happen('one')
    await happen('two')
    await webhookRow(store, 'late')
    await happen('three')
    await send()
    await send()
    assert.deepEqual(ids(), [1, 2, 3])
    assert.ok(received.every(({ signed, type }) => signed && type === 'user-created'))
    assert.deepEqual([(await state()).lastEvent, (await state()).behind], [3, 0])
    received = []
    await send(partsOf({ name: 'late' }))
    assert.deepEqual(ids(), [3])
  })

  test('only of the kinds that it wants; what it does not want is not gone through again and again', async () => {
    for (let count = 0; count < WEBHOOK_SKIPPED; count += 1) {
      const event = { project: null, kind: 'server-started', at: 'T', actor: null, detail: '{}' }
      await store.transaction((tx) => tx.insertInto('event').values(event).execute())
    }
    const users = partsOf({ events: ['user-created'] })
    await send(users)
    assert.deepEqual([ids(), (await state()).lastEvent], [[], WEBHOOK_SKIPPED])
    await happen('one')
    await send(users)
    assert.deepEqual(ids(), [WEBHOOK_SKIPPED + 1])
  })

  test('again and again, later each time, until it is taken; none is passed over; the same message has the same id', async () => {
    await happen('one')
    await happen('two')
    const since = new Date(now).toISOString()
    answer = () => 500
    const of = partsOf()
    const delays = [...WEBHOOK_DELAYS_MS, WEBHOOK_MAX_DELAY_MS, WEBHOOK_MAX_DELAY_MS]
    for (const [at, delay] of delays.entries()) {
      await send(of)
      assert.equal(received.length, at + 1)
      now += delay - 1000
      await send(of)
      assert.equal(received.length, at + 1, 'not sooner')
      assert.equal((await told()).length, at + 1 >= WEBHOOK_FAILING_ATTEMPTS ? 1 : 0)
      now += 1000
    }
    assert.deepEqual(new Set(ids()), new Set([1]))
    assert.equal(new Set(received.map(({ webhookId }) => webhookId)).size, 1)
    const reason = `${new URL(url).origin} answered with status 500.`
    assert.deepEqual(await told(), [['webhook-failing', { webhook: 'chat', since, reason }]])
    assert.match(webhookAttention(await readWebhooks(store))[0] ?? '', /chat takes no events since/)
    answer = () => 200
    received = []
    await send(of)
    assert.deepEqual(await told(), [
      ['webhook-failing', { webhook: 'chat', since, reason }],
      ['webhook-recovered', { webhook: 'chat', since }],
    ])
    assert.deepEqual(ids(), [1, 2, 3, 4], 'that it failed is sent too')
    assert.deepEqual(webhookAttention(await readWebhooks(store)), [])
  })

  test('no redirect is followed, and a wish for later is heard; who says that it is gone is told of at once', async () => {
    await happen('one')
    answerHeaders = { location: url }
    answer = () => 307
    await send()
    assert.equal(received.length, 1)
    assert.match((await state()).reason ?? '', /status 307/)
    now = Date.parse((await state()).nextAt ?? '')
    answerHeaders = { 'retry-after': '1800' }
    answer = () => 429
    await send()
    assert.equal(Date.parse((await state()).nextAt ?? ''), now + 1_800_000)
    assert.deepEqual(await told(), [])
    now += 1_800_000
    answerHeaders = {}
    answer = () => 410
    await send()
    assert.deepEqual(
      (await told()).map(([kind]) => kind),
      ['webhook-failing'],
    )
  })

  test('a connection that is cut, and a key that cannot be used, are attempts that failed', async () => {
    await happen('one')
    answer = () => undefined
    await send()
    assert.match((await state()).reason ?? '', /cannot be reached/)
    now = Date.parse((await state()).nextAt ?? '')
    await send({ ...partsOf(), signer: () => Promise.reject(new Error('The key is away.')) })
    assert.deepEqual([(await state()).reason, (await state()).attempts], ['The key is away.', 2])
  })

  test('what was under way when a server ends is sent again by the next, and counts as no failure', async () => {
    await happen('one')
    const ended = new AbortController()
    const asked = Promise.withResolvers<void>()
    const never = Promise.withResolvers<number>()
    answer = () => {
      asked.resolve()
      return never.promise
    }
    const sending = deliver(partsOf(), ended.signal)
    await asked.promise
    await assert.rejects(send(), { code: 'conflict' })
    ended.abort()
    await sending
    assert.deepEqual([(await state()).attempts, (await state()).lastEvent], [0, 0])
    answer = () => 204
    await send()
    assert.deepEqual(ids(), [1, 1])
    never.resolve(204)
  })

  test('after the clock was set back it is not waited for a time that is far away', async () => {
    await happen('one')
    answer = () => 500
    await send()
    now -= 30 * 86_400_000
    answer = () => 204
    await send()
    assert.deepEqual(ids(), [1, 1])
  })
})
