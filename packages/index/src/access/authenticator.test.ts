import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { OPERATOR } from './actor.ts'
import type { Clock } from '../clock.ts'
import { BackgroundWork } from '../background-work.ts'
import { openStore, type Store } from '../store/store.ts'
import { createAuthenticator, type Authenticator } from './authenticator.ts'
import { parseAuthorization } from './credentials.ts'
import { ensureFirstAdmin, hasInitToken, makeFirstAdmin } from './first-admin.ts'
import { systemRandom } from './random.ts'
import { createToken, hasTokenForm, listTokens, revokeToken, tokenText } from './tokens.ts'
import { createUser, disableUser, enableUser, listUsers, setPassword } from './users.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-access-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

interface Setting extends AsyncDisposable {
  readonly store: Store
  readonly clock: Clock
  readonly path: string
  readonly authenticator: Authenticator
  readonly background: BackgroundWork
  wait(milliseconds: number): void
  /** Who sends this header. */
  who(header: string, address?: string): ReturnType<Authenticator['authenticate']>
}

const ADDRESS = '192.0.2.1'
const PASSWORD = 'correct horse battery'

async function setUp(): Promise<Setting> {
  let now = Date.parse('2026-11-22T12:00:00Z')
  const clock = { now: () => now }
  const path = join(folder, `${count++}.sqlite`)
  const store = await openStore({ kind: 'sqlite', path })
  const background = new BackgroundWork({ graceMs: 60_000, onLate: () => assert.fail('late') })
  const authenticator = createAuthenticator(store, clock, background)
  await createUser(store, clock, { name: 'alice', password: PASSWORD, by: OPERATOR })
  await createUser(store, clock, { name: 'root', admin: true, by: OPERATOR })
  return {
    store,
    clock,
    path,
    authenticator,
    background,
    wait: (milliseconds) => {
      now += milliseconds
    },
    who: (header, address = ADDRESS) => authenticator.authenticate(parseAuthorization(header), address),
    async [Symbol.asyncDispose]() {
      await background[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const refused = (reason: string): unknown => ({ kind: 'refused', reason })

describe('a token', () => {
  it('is accepted as Bearer, as __token__ and under its user’s name, and says what it allows', async () => {
    await using at = await setUp()
    const { id, token } = await createToken(at.store, at.clock, {
      user: 'alice',
      scope: 'upload',
      project: 'demo',
      by: OPERATOR,
    })
    assert.ok(hasTokenForm(token))
    const expected = { kind: 'principal', user: 'alice', scope: 'upload', tokenId: id, project: 'demo' }
    for (const header of [`Bearer ${token}`, basic('__token__', ` ${token}\n`), basic('alice', token)]) {
      assert.deepEqual(await at.who(header), expected)
    }
    assert.deepEqual(await at.who(basic('root', token)), refused('unknown'))
  })

  it('is stored as its sha256 only, and listed without it', async () => {
    await using at = await setUp()
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    const rows = JSON.stringify(await at.store.db.selectFrom('token').selectAll().execute())
    assert.ok(!rows.includes(token.slice(4, 47)))
    const listed = await listTokens(at.store, { kind: 'principal', user: 'alice', scope: 'upload' })
    assert.equal(listed.length, 1)
    assert.ok(!('hash' in (listed[0] ?? {})))
  })

  it('LOG: has a label that a terminal can show', async () => {
    await using at = await setUp()
    const attempt = createToken(at.store, at.clock, {
      user: 'alice',
      scope: 'read',
      label: 'ci\u001b[2J',
      by: OPERATOR,
    })
    await assert.rejects(attempt, { code: 'not-allowed' })
  })

  it('has a checksum that a changed letter breaks', () => {
    const token = tokenText(new Uint8Array(32).fill(7))
    assert.ok(hasTokenForm(token))
    assert.ok(!hasTokenForm(token.replace('B', 'C')))
    assert.ok(!hasTokenForm(token.slice(1)))
  })

  it('TOK-2: never allows more than its user may', async () => {
    await using at = await setUp()
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'admin', by: OPERATOR })
    const principal = await at.who(`Bearer ${token}`)
    assert.equal(principal.kind === 'principal' && principal.scope, 'upload')
  })

  it('TOK-4: of another is neither listed nor revoked, nor told apart from one that is not there', async () => {
    await using at = await setUp()
    await createUser(at.store, at.clock, { name: 'mallory', by: OPERATOR })
    const { id, token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    const mallory = { kind: 'principal', user: 'mallory', scope: 'upload' } as const
    assert.deepEqual(await listTokens(at.store, mallory), [])
    assert.equal(await revokeToken(at.store, at.clock, mallory, id, OPERATOR), false)
    assert.equal(await revokeToken(at.store, at.clock, mallory, 'no-such-id', OPERATOR), false)
    assert.equal((await at.who(`Bearer ${token}`)).kind, 'principal')
    assert.equal(
      await revokeToken(at.store, at.clock, { kind: 'principal', user: 'root', scope: 'admin' }, id, OPERATOR),
      true,
    )
  })

  it('TOK-5: revoked is refused at once, although it was accepted a moment ago', async () => {
    await using at = await setUp()
    const { id, token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    const principal = await at.who(`Bearer ${token}`)
    assert.ok(principal.kind === 'principal')
    assert.equal(await revokeToken(at.store, at.clock, principal, id, OPERATOR), true)
    assert.deepEqual(await at.who(`Bearer ${token}`), refused('revoked'))
  })

  it('TOK-5: revoked by another process is refused within five seconds', async () => {
    await using at = await setUp()
    const { id, token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    assert.equal((await at.who(`Bearer ${token}`)).kind, 'principal')
    await using elsewhere = await openStore({ kind: 'sqlite', path: at.path })
    await revokeToken(elsewhere, at.clock, { kind: 'principal', user: 'root', scope: 'admin' }, id, OPERATOR)
    at.wait(5000)
    assert.deepEqual(await at.who(`Bearer ${token}`), refused('revoked'))
  })

  it('TOK-5: revoked by another process is refused at once where the clock was set back', async () => {
    await using at = await setUp()
    const { id, token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    assert.equal((await at.who(`Bearer ${token}`)).kind, 'principal')
    await using elsewhere = await openStore({ kind: 'sqlite', path: at.path })
    await revokeToken(elsewhere, at.clock, { kind: 'principal', user: 'root', scope: 'admin' }, id, OPERATOR)
    at.wait(-365 * 86_400_000)
    assert.deepEqual(await at.who(`Bearer ${token}`), refused('revoked'))
  })

  it('TOK-5: expires on time, also while it is remembered', async () => {
    await using at = await setUp()
    const expiresAt = '2026-11-22T12:00:02Z'
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', expiresAt, by: OPERATOR })
    assert.equal((await at.who(`Bearer ${token}`)).kind, 'principal')
    at.wait(2000)
    assert.deepEqual(await at.who(`Bearer ${token}`), refused('expired'))
  })

  it('notes when it was last used, at most once a minute', async () => {
    await using at = await setUp()
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    const use = async (): Promise<string | null | undefined> => {
      await at.who(`Bearer ${token}`)
      await at.background[Symbol.asyncDispose]()
      return (await at.store.db.selectFrom('token').select('last_used_at').executeTakeFirst())?.last_used_at
    }
    assert.equal(await use(), '2026-11-22T12:00:00.000Z')
    at.wait(59_000)
    assert.equal(await use(), '2026-11-22T12:00:00.000Z')
    at.wait(6_000)
    assert.equal(await use(), '2026-11-22T12:01:05.000Z')
  })

  it('cannot be made for nobody or for a disabled user', async () => {
    await using at = await setUp()
    await assert.rejects(createToken(at.store, at.clock, { user: 'nobody', scope: 'read', by: OPERATOR }), {
      code: 'not-found',
    })
    await disableUser(at.store, at.clock, 'alice', OPERATOR)
    await assert.rejects(createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR }), {
      code: 'not-allowed',
    })
  })
})

describe('a password', () => {
  it('is accepted for its user, as it is', async () => {
    await using at = await setUp()
    const expected = { kind: 'principal', user: 'alice', scope: 'upload' }
    assert.deepEqual(await at.who(basic('alice', PASSWORD)), expected)
    assert.deepEqual(await at.who(basic('alice', `${PASSWORD} `)), refused('unknown'))
    assert.deepEqual(await at.who(basic('bob', PASSWORD)), refused('unknown'))
    assert.deepEqual(await at.who(basic('root', PASSWORD)), refused('unknown'), 'a user without a password')
  })

  it('that was changed is refused at once', async () => {
    await using at = await setUp()
    assert.equal((await at.who(basic('alice', PASSWORD))).kind, 'principal')
    await setPassword(at.store, at.clock, 'alice', 'another long password', OPERATOR)
    assert.deepEqual(await at.who(basic('alice', PASSWORD)), refused('unknown'))
    assert.equal((await at.who(basic('alice', 'another long password'))).kind, 'principal')
    await setPassword(at.store, at.clock, 'alice', null, OPERATOR)
    assert.deepEqual(await at.who(basic('alice', 'another long password')), refused('unknown'))
  })

  it('has twelve characters at least', async () => {
    await using at = await setUp()
    await assert.rejects(setPassword(at.store, at.clock, 'alice', 'short', OPERATOR), { code: 'limit-exceeded' })
  })

  it('ENUM: costs the same work for an unknown user as for a wrong password', async () => {
    await using at = await setUp()
    const work = async (user: string): Promise<number> => {
      const start = performance.now()
      assert.deepEqual(await at.who(basic(user, 'a wrong password'), `198.51.100.${count++}`), refused('unknown'))
      return performance.now() - start
    }
    const best = async (user: string): Promise<number> => Math.min(await work(user), await work(user), await work(user))
    const [known, unknown] = [await best('alice'), await best('nobody')]
    assert.ok(unknown > known / 3 && known > unknown / 3, `${known} ms against ${unknown} ms`)
  })

  it('RATE: is refused after ten failures, while the user’s token is accepted', async () => {
    await using at = await setUp()
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    for (let attempt = 0; attempt < 10; attempt++) await at.who(basic('alice', 'a wrong password'))
    assert.deepEqual(await at.who(basic('alice', PASSWORD)), { kind: 'limited', retryAfter: 300 })
    assert.equal((await at.who(`Bearer ${token}`)).kind, 'principal')
    assert.equal((await at.who(basic('alice', token))).kind, 'principal')
  })
})

describe('TOK-5: a disabled user', () => {
  it('is refused with every type of credential at once, and back again when enabled', async () => {
    await using at = await setUp()
    const { token } = await createToken(at.store, at.clock, { user: 'alice', scope: 'read', by: OPERATOR })
    const headers = [`Bearer ${token}`, basic('__token__', token), basic('alice', token), basic('alice', PASSWORD)]
    for (const header of headers) assert.equal((await at.who(header)).kind, 'principal')
    await disableUser(at.store, at.clock, 'alice', OPERATOR)
    for (const header of headers) assert.deepEqual(await at.who(header), refused('disabled'))
    await enableUser(at.store, at.clock, 'alice', OPERATOR)
    for (const header of headers) assert.equal((await at.who(header)).kind, 'principal')
  })
})

describe('credentials that are none', () => {
  it('make nobody of who sends nothing, and refuse who sends something else', async () => {
    await using at = await setUp()
    assert.deepEqual(await at.who(''), { kind: 'anonymous' })
    assert.deepEqual(await at.who('Nonsense'), refused('malformed'))
    assert.deepEqual(await at.who('Bearer wrong'), refused('unknown'))
  })
})

describe('a user', () => {
  it('has a plain name that nobody else has', async () => {
    await using at = await setUp()
    for (const name of ['', 'Alice', '__token__', 'a b', '-a', 'a'.repeat(65), 'ä']) {
      await assert.rejects(createUser(at.store, at.clock, { name, by: OPERATOR }), { code: 'not-allowed' }, name)
    }
    await assert.rejects(createUser(at.store, at.clock, { name: 'alice', by: OPERATOR }), { code: 'conflict' })
    const users = await listUsers(at.store)
    assert.deepEqual(
      users.map((user) => [user.name, user.admin, user.hasPassword]),
      [
        ['alice', false, true],
        ['root', true, false],
      ],
    )
  })
})

describe('the first administrator', () => {
  it('gets a token once, and no password', async () => {
    await using at = await setUp()
    const token = await ensureFirstAdmin(at.store, at.clock, systemRandom)
    assert.ok(token !== undefined)
    const principal = await at.who(`Bearer ${token}`)
    assert.ok(principal.kind === 'principal' && principal.scope === 'admin' && principal.user === 'admin')
    assert.equal(await ensureFirstAdmin(at.store, at.clock, systemRandom), undefined)
    assert.equal((await listUsers(at.store)).find((user) => user.name === 'admin')?.hasPassword, false)
  })

  it('of an init is the one that a start finds; its token is replaced only while nobody may have seen it', async () => {
    await using at = await setUp()
    await at.store.transaction((tx) => tx.updateTable('user').set({ admin: 0 }).execute())
    const make = (name: string, again: boolean) => makeFirstAdmin(at.store, at.clock, { name, again })
    const unseen = await make('chief', false)
    assert.equal(await make('chief', false), undefined)
    const shown = await make('boss', true)
    assert.deepEqual(await at.who(`Bearer ${unseen}`), refused('unknown'))
    assert.deepEqual(
      (await listUsers(at.store)).filter(({ admin }) => admin).map(({ name }) => name),
      ['boss'],
    )
    assert.equal(await ensureFirstAdmin(at.store, at.clock, systemRandom), undefined)
    assert.equal(await hasInitToken(at.store), true)
    assert.equal((await at.who(`Bearer ${shown}`)).kind, 'principal')
    assert.equal(await make('boss', true), undefined)
    assert.equal((await at.who(`Bearer ${shown}`)).kind, 'principal')
  })

  it('has the token of the environment, and no longer the one that it held before', async () => {
    await using at = await setUp()
    const [one, two] = ['the first of the two', 'the second of the two']
    assert.equal(await ensureFirstAdmin(at.store, at.clock, systemRandom, { token: one }), undefined)
    await ensureFirstAdmin(at.store, at.clock, systemRandom, { token: one })
    assert.equal((await at.who(`Bearer ${one}`)).kind, 'principal')
    assert.equal((await at.who(basic('__token__', one))).kind, 'principal')
    await ensureFirstAdmin(at.store, at.clock, systemRandom, { token: two })
    assert.deepEqual(await at.who(`Bearer ${one}`), refused('unknown'))
    assert.equal((await at.who(`Bearer ${two}`)).kind, 'principal')
  })

  it('needs eight characters in the environment', async () => {
    await using at = await setUp()
    const attempt = ensureFirstAdmin(at.store, at.clock, systemRandom, { token: 'letters' })
    await assert.rejects(attempt, { code: 'config-invalid' })
  })
})
