import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OPERATOR } from '../../packages/index/src/access/actor.ts'
import { createToken } from '../../packages/index/src/access/tokens.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import type { Store } from '../../packages/index/src/store/store.ts'
import { takeStepBack } from '../../packages/index/src/store/upgrade.ts'
import type { IndexStatus } from '../../packages/index/src/telemetry/index-status.ts'
import { readNodes } from '../../packages/index/src/telemetry/node-status.ts'
import { statusLines } from '../../packages/waxseal/src/commands/status.ts'
import { until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { uploadFile } from '../support/upload-form.ts'
import { HOUR, MINUTE, PASSWORD, startClocked, YEAR } from './clocked-index.ts'
import type { ClockedIndex } from './clocked-index.ts'

const wheel = (version: string) => ({ filename: `demo-${version}-py3-none-any.whl`, bytes: randomBytes(1000) })

const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`person:${password}`).toString('base64')}` })

const status = async (clocked: ClockedIndex, headers: Readonly<Record<string, string>>): Promise<number> =>
  (await clocked.ask('/api/v1/tokens', headers)).status

for (const between of ['a running server', 'a restart']) {
  void test(`a clock that goes back a year, and forward two (${between}): pages stay true, nobody is locked out or let in`, async () => {
    await using clocked = await startClocked()
    const { upstream, index } = clocked
    const start = clocked.now
    const files = [wheel('1.0')]
    upstream.addProject({ name: 'demo', files })
    assert.deepEqual(await clocked.versions('demo'), ['1.0'])
    assert.match((await clocked.versions('later'))[0] ?? '', /^404 /)
    assert.equal((await uploadFile(clocked, buildWheel({ name: 'inside', version: '1.0' }))).status, 200)
    const expires = new Date(start + HOUR).toISOString()
    const short = await createToken(index.store, index.clock, {
      user: 'person',
      scope: 'read',
      expiresAt: expires,
      by: OPERATOR,
    })
    const bearer = { authorization: `Bearer ${short.token}` }
    assert.equal(await status(clocked, bearer), 200)
    for (let times = 0; times < 12; times++) await status(clocked, basic(`wrong-${times}`))
    assert.equal(await status(clocked, basic(PASSWORD)), 429, 'the limit on failed logins holds')
    upstream.setFault('/simple/broken/', { kind: 'status', status: 503, headers: { 'retry-after': '100000' } })
    assert.match((await clocked.versions('broken'))[0] ?? '', /^503 /)

    let major = 1
    for (const jump of [-YEAR, 2 * YEAR, -YEAR]) {
      clocked.now += jump
      if (between === 'a restart') await clocked.restart()
      upstream.clearFaults()
      files.push(wheel(`${++major}.0`))
      upstream.addProject({ name: 'demo', files })
      const later = `${major}`
      upstream.addProject({ name: 'later', files: [{ ...wheel(later), filename: `later-${later}.0.tar.gz` }] })
      // What an upstream asked for in another year binds nobody: at once, or after the longest pause.
      if ((await clocked.versions('demo')).length < major) clocked.now += 5 * MINUTE
      assert.equal((await clocked.versions('demo')).length, major, `asked again after a jump of ${jump}`)
      assert.deepEqual(await clocked.versions('later'), [`${later}.0`], 'an absence is not remembered across a jump')
      assert.equal(await status(clocked, basic(PASSWORD)), 200, 'nobody is locked out for a year')
      const expired = clocked.now >= start + HOUR
      assert.equal(await status(clocked, bearer), expired ? 401 : 200)

      const snapshot = await clocked.ask('/simple/inside/')
      const next = buildWheel({ name: 'inside', version: `${major}.0` })
      assert.equal((await uploadFile(clocked, next)).status, 200)
      const after = await clocked.ask('/simple/inside/')
      const [was, is] = [snapshot, after].map(({ headers }) => Number(headers['waxseal-snapshot']))
      assert.ok(Number(is) > Number(was), 'snapshots are numbers, not times')
      assert.ok(after.body.toString().includes(next.filename))
    }
    // Back where it began: a token is good by the clock that the server has.
    assert.ok(clocked.now < start + HOUR)
    const rows = await clocked.index.store.db.selectFrom('snapshot').select('version').orderBy('version').execute()
    assert.deepEqual(
      rows.map(({ version }) => version),
      rows.map((_, at) => at + 1),
    )
  })
}

void test('times that are stored are those of the clock at that moment, and none is rewritten', async () => {
  await using clocked = await startClocked()
  assert.equal((await uploadFile(clocked, buildWheel({ name: 'inside', version: '1.0' }))).status, 200)
  const first = new Date(clocked.now).toISOString().slice(0, 10)
  clocked.now -= YEAR
  assert.equal((await uploadFile(clocked, buildWheel({ name: 'inside', version: '2.0' }))).status, 200)
  const second = new Date(clocked.now).toISOString().slice(0, 10)
  const reply = await clocked.ask('/simple/inside/', { accept: 'application/vnd.pypi.simple.v1+json' })
  const { files } = JSON.parse(reply.body.toString()) as { files: { filename: string; 'upload-time': string }[] }
  const days = new Map(files.map((file) => [file.filename.split('-')[1], file['upload-time'].slice(0, 10)]))
  assert.deepEqual([days.get('1.0'), days.get('2.0')], [first, second])
})

/** What a server leaves that died while its clock was a year ahead: its row, and the lease of its collection. */
async function leaveFromTheFuture(store: Store, now: number): Promise<void> {
  const ahead = new Date(now + YEAR).toISOString()
  const node = { id: 'dead/1/x', started_at: ahead, seen_at: ahead, version: '0.1.0', status: '{}' }
  await store.transaction(async (tx) => {
    await tx.insertInto('node').values(node).execute()
    await tx.insertInto('lease').values({ name: 'keeping', holder: 'dead/1/x', expires_at: ahead }).execute()
  })
}

void test('a server that died with a clock that was ahead does not count as running, and its row goes', async () => {
  await using clocked = await startClocked()
  const { store, clock } = clocked.index
  await leaveFromTheFuture(store, clocked.now)
  assert.deepEqual(
    (await readNodes(store, clock)).silent.map(({ id }) => id),
    ['dead/1/x'],
  )
  await clocked.restart()
  const left = await until(
    async () => (await readNodes(clocked.index.store, clock)).silent,
    (found) => found.length === 0,
  )
  assert.deepEqual(left, [])
})

void test('a server and a command that died with a clock that was ahead hold up no step back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-clock-back-'))
  try {
    const options = { kind: 'sqlite', path: join(folder, 'waxseal.db') } as const
    const now = Date.parse('2026-11-24T12:00:00Z')
    await using store = await openStore(options)
    await leaveFromTheFuture(store, now)
    assert.equal((await takeStepBack(options, { now: () => now })).at(-1), '0002-operation')
  } finally {
    await rm(folder, { recursive: true })
  }
})

void test('a status of a time before the start tells no negative time, and of a backup from the future', async () => {
  await using clocked = await startClocked()
  const status = async () => {
    const reply = await clocked.ask('/api/v1/status', { authorization: `Bearer ${clocked.token}` })
    return JSON.parse(reply.body.toString()) as IndexStatus
  }
  const backedUp = JSON.stringify({ at: new Date(clocked.now).toISOString(), where: '/backup', snapshot: 1 })
  await clocked.index.store.transaction((tx) =>
    tx.insertInto('setting').values({ key: 'last-backup', value: backedUp }).execute(),
  )
  assert.match(statusLines(await status()).join('\n'), /, up 0 s\n/)
  assert.deepEqual((await status()).attention, [])
  clocked.now -= YEAR
  const back = await status()
  assert.doesNotMatch(statusLines(back).join('\n'), /up -/)
  assert.match(statusLines(back).join('\n'), /, started at 2026-11-24T12:00:00\.000Z\n/)
  assert.match(back.attention.join('\n'), /The last backup is from 2026-11-24T12:00:00\.000Z, .*clock/)
})
