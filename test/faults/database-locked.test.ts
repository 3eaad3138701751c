import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { startBehind, until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'

const PASSWORD = 'correct horse battery'
/** The server gives up a change after five seconds; on a busy machine later, never this late. */
const BOUND_MS = 30_000

const DECIDING = 'a first download, which decides'

const codeOf = (reply: Reply): string => {
  const { code, reason } = JSON.parse(reply.body.toString()) as { code: string; reason?: string }
  return reason ?? code
}

/** Refused as something that passes, with a hint when to come again. */
function assertBusy(what: string, reply: Reply): void {
  assert.equal(reply.status, 503, `${what}: ${reply.status} ${reply.reason}`)
  // The upstream's page is asked for before a first download decides: three seconds, for whatever reason.
  assert.match(
    codeOf(reply),
    what === DECIDING ? /^(?:internal|upstream)-unavailable$/ : /^internal-unavailable$/,
    what,
  )
  assert.match(String(reply.headers['retry-after']), /^\d+$/, what)
  assert.match(reply.reason, /busy|takes too long/, what)
}

for (const lock of ['begin immediate', 'begin exclusive']) {
  void test(`a database that another process holds (${lock}): reading goes on, changes are refused in time, and it heals`, async () => {
    await using behind = await startBehind()
    const { server, upstream } = behind
    const { url, token, dataDir } = server
    const authorization = `Bearer ${token}`
    const upload = (name: string, version = '1.0'): Promise<Reply> => {
      const { body, contentType } = multipart(buildWheel({ name, version }))
      const headers = { authorization, 'content-type': contentType, accept: 'application/json' }
      return ask(`${url}/legacy/`, { method: 'POST', headers, body })
    }
    const manage = (method: string, path: string, body: unknown): Promise<Reply> =>
      ask(`${url}/api/v1${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const wheel = (name: string) => ({ filename: `${name}-1.0-py3-none-any.whl`, bytes: randomBytes(100_000) })
    const kept = wheel('kept')
    const other = { filename: 'kept-2.0-py3-none-any.whl', bytes: randomBytes(100_000) }
    const [seen, cold] = [wheel('seen'), wheel('cold')]
    upstream.addProject({ name: 'kept', files: [kept, other] })
    upstream.addProject({ name: 'seen', files: [seen] })
    upstream.addProject({ name: 'cold', files: [cold] })
    assert.equal((await upload('inside')).status, 200)
    assert.equal((await manage('POST', '/users', { name: 'person', password: PASSWORD })).status, 201)
    for (const project of ['kept', 'seen']) assert.equal((await behind.page(project)).status, 200)
    assert.equal((await behind.file('kept', kept)).status, 200)

    const holder = new DatabaseSync(join(dataDir, 'waxseal.db'))
    holder.exec(lock)
    try {
      const signal = AbortSignal.timeout(BOUND_MS)
      const { promise: late, reject } = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => reject(new Error('somebody waits for the lock')))
      const state = { settled: false }
      const changes = Promise.all([
        upload('inside', '2.0'),
        upload('new-name'),
        manage('PUT', '/projects/inside/releases/1.0/yank', { reason: 'held' }),
        manage('POST', '/tokens', { scope: 'read' }),
        behind.page('cold'),
        behind.file('seen', seen),
      ]).finally(() => (state.settled = true))
      const basic = Buffer.from(`person:${PASSWORD}`).toString('base64')
      const reads = async (): Promise<void> => {
        for (const path of ['/-/health', '/-/ready', '/simple/', '/simple/inside/', '/simple/kept/', '/why/inside']) {
          assert.equal((await behind.ask(path)).status, 200, path)
        }
        assert.ok((await behind.file('kept', kept)).body.equals(kept.bytes))
        const headers = { authorization: `Basic ${basic}` }
        assert.equal((await ask(`${url}/api/v1/tokens`, { headers })).status, 200, 'a password is good')
      }
      let rounds = 0
      for (; !state.settled; rounds++) await Promise.race([reads(), late])
      assert.ok(rounds > 1, 'reading went on while the changes waited')
      const [two, fresh, yank, made, page, decided] = await Promise.race([changes, late])
      assertBusy('an upload', two)
      assertBusy('a first upload', fresh)
      assertBusy('a yank', yank)
      assertBusy('a token', made)
      assertBusy('a page that nobody saw yet', page)
      assertBusy(DECIDING, decided)
      // Its project is decided: the bytes go out, that they are kept is noted the next time.
      assert.ok((await behind.file('kept', other)).body.equals(other.bytes))
    } finally {
      holder.exec('rollback')
      holder.close()
    }
    assert.equal((await upload('inside', '2.0')).status, 200, 'without a restart')
    assert.equal(
      (
        await until(
          () => upload('new-name'),
          ({ status }) => status === 200,
        )
      ).status,
      200,
    )
    assert.equal((await behind.page('cold')).status, 200)
    const healed = await behind.file('seen', seen)
    assert.ok(healed.body.equals(seen.bytes), `without a pause: ${healed.reason}`)
    assert.doesNotMatch(
      (await behind.ask('/simple/inside/')).body.toString(),
      /data-yanked/,
      'what was refused is not done',
    )
    assert.equal((await manage('GET', '/users', undefined)).status, 200)
    await assertSoundStorage(dataDir)
  })
}

void test('a server starts while another process holds its database', async () => {
  const first = await startWaxseal({ args: ['--no-upstream'] })
  try {
    const { dataDir } = first
    const holder = new DatabaseSync(join(dataDir, 'waxseal.db'), { timeout: 10_000 })
    holder.exec('begin immediate')
    const second = await startWaxseal({ dataDir, args: ['--no-upstream'] })
    assert.equal((await ask(`${second.url}/simple/`)).status, 200)
    await assert.rejects(
      runWaxseal(['token', 'create', '--data', dataDir, '--user', 'admin', '--scope', 'read']),
      /exited with 3:\nwaxseal: The database was busy/,
    )
    holder.exec('rollback')
    holder.close()
    assert.equal(await second.stop(), 0)
  } finally {
    await first.stop()
  }
})
