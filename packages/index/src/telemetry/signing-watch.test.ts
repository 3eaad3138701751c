import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { TrustError } from '@waxseal/trust'
import { sql } from 'kysely'
import { signStore } from '../publish/testing/signed-store.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { Metrics } from './metrics.ts'
import { Readiness } from './readiness.ts'
import { readSigningDates, signingAttention, signingStatus } from './signing-status.ts'
import { SigningWatch } from './signing-watch.ts'

const DAY = 86_400_000
const START = Date.parse('2026-01-02T03:04:05Z')
const root = mkdtempSync(join(tmpdir(), 'waxseal-signing-'))
after(() => rmSync(root, { recursive: true }))

/** A store that was signed at `START`, by nobody renewed. */
async function signedStore(name: string): Promise<Store> {
  const store = await openStore({ kind: 'sqlite', path: join(root, `${name}.db`) })
  await signStore(store, { now: () => START })
  return store
}

function watchOf(store: Store, clock: { now: number }) {
  const lines: string[] = []
  const metrics = new Metrics()
  const log = {
    warn: (line: string) => void lines.push(`warn ${line}`),
    error: (line: string) => void lines.push(`error ${line}`),
  }
  const watch = new SigningWatch({ store, clock: { now: () => clock.now }, metrics, log })
  return { watch, metrics, lines }
}

suite('how long signatures hold', () => {
  test('is told by kinds of roles, with who renews them; what ends soon and what ended, with what to do', async () => {
    await using store = await signedStore('status')
    const dates = await readSigningDates(store)
    assert.ok(dates !== undefined)
    const fresh = signingStatus(dates, START)
    assert.deepEqual([fresh.snapshot, fresh.root], [1, 1])
    assert.deepEqual(
      new Set(fresh.roles.map(({ role }) => role)),
      new Set('root targets snapshot timestamp deny sealed claimed select lists bins bin'.split(' ')),
    )
    assert.deepEqual(fresh.roles[0], {
      role: 'timestamp',
      expires: '2026-01-03T03:04:05.000Z',
      online: true,
      urgency: 'fresh',
    })
    assert.deepEqual(signingAttention(fresh.roles), [])

    const laterOn = signingStatus(dates, START + 23 * 3_600_000)
    assert.deepEqual(signingAttention(laterOn.roles), [
      "The signatures of timestamp end at 2026-01-03T03:04:05.000Z, and should have been renewed by now: see what the server's log says of signatures.",
    ])

    const [endedByHand, endedOnline, ...alarms] = signingAttention(signingStatus(dates, START + 366 * DAY).roles)
    assert.match(
      endedByHand ?? '',
      /^The signatures of bins, root, sealed, targets ended at 2027-01-02T.* refuse .* until their holders .* ceremony: see docs\/keys\.md\.$/,
    )
    assert.match(endedOnline ?? '', /^The signatures of timestamp, snapshot, .* until a server renews them\.$/)
    assert.deepEqual(alarms, [])

    const byHand = signingAttention(signingStatus(dates, START + 250 * DAY).roles).at(-1)
    assert.match(
      byHand ?? '',
      /^The signatures of bins, root, sealed, targets end at 2027-.* Nobody but their holders can renew them/,
    )
  })

  test('of an index that is not signed is nothing, and nothing to look at', async () => {
    await using store = await openStore({ kind: 'sqlite', path: join(root, 'unsigned.db') })
    const { watch, metrics, lines } = watchOf(store, { now: START })
    await watch.remind()
    assert.deepEqual([await watch.status(), lines], [undefined, []])
    const points = (await metrics.collect()).filter(({ name }) => name.startsWith('waxseal_role_'))
    assert.deepEqual(
      points.flatMap((family) => family.points),
      [],
    )
  })

  test('is a metric for each kind, and asks for no metadata', async () => {
    await using store = await signedStore('metrics')
    // Whoever read a body would stumble.
    await store.transaction((tx) => tx.updateTable('tuf_file').set({ body: 'no JSON' }).execute())
    const { metrics } = watchOf(store, { now: START + 250 * DAY })
    const points = new Map((await metrics.collect()).map((family) => [family.name, family.points]))
    const at = (name: 'waxseal_role_expiry_timestamp_seconds' | 'waxseal_role_alarm', role: string) =>
      points.get(name)?.find(({ labels }) => labels[0] === role)?.value
    assert.equal(at('waxseal_role_expiry_timestamp_seconds', 'root'), (START + 365 * DAY) / 1000)
    assert.deepEqual([at('waxseal_role_alarm', 'root'), at('waxseal_role_alarm', 'timestamp')], [1, 1])
    assert.equal(points.get('waxseal_role_alarm')?.length, 11)
    const asked = sql`explain query plan select role, version, expires_at from tuf_file where superseded_at is null`
    const plan = await asked.execute(store.db)
    assert.match(JSON.stringify(plan), /COVERING INDEX tuf_file_superseded/)
  })
})

suite('reminders', () => {
  test('come when a role begins to end, once a day from then on, and anew after a renewal', async () => {
    await using store = await signedStore('reminders')
    const clock = { now: START + 366 * DAY - 1 }
    const { watch, lines } = watchOf(store, clock)
    // Only what people renew, as on a server that runs.
    await store.transaction((tx) =>
      tx.updateTable('tuf_file').set({ expires_at: '2099-01-01T00:00:00.000Z' }).where('role', '!=', 'root').execute(),
    )
    await store.transaction((tx) =>
      tx.updateTable('tuf_file').set({ expires_at: '2027-01-02T03:04:05.000Z' }).where('role', '=', 'root').execute(),
    )
    clock.now = START + 200 * DAY
    await watch.remind()
    assert.deepEqual(lines, [])
    clock.now = START + 244 * DAY
    for (let minute = 0; minute < 3; minute += 1) {
      await watch.remind()
      clock.now += 60_000
    }
    assert.equal(lines.length, 1, lines.join('\n'))
    assert.match(lines[0] ?? '', /^warn The signatures of root end at 2027-01-02T03:04:05\.000Z\. Nobody but/)
    clock.now = START + 245 * DAY
    await watch.remind()
    assert.equal(lines.length, 2)
    clock.now = START + 365 * DAY
    await watch.remind()
    assert.equal(lines.length, 3)
    assert.match(lines[2] ?? '', /^error The signatures of root ended at /)
  })
})

suite('readiness', () => {
  const readinessOf = (store: Store, watch: SigningWatch, metrics: Metrics): Readiness =>
    new Readiness(
      {
        store,
        clock: { now: () => START },
        blobsDir: root,
        dataDir: root,
        readOnly: false,
        modes: [],
        upstreams: () => [],
        writeFailure: () => undefined,
        signing: watch,
      },
      metrics,
    )

  test('is degraded once signatures end soon and nobody has renewed them, and says when they have ended', async () => {
    await using store = await signedStore('ended')
    for (const [hours, reason] of [
      [19.9, undefined],
      [20, 'The signatures of timestamp end soon, and have to be made anew: see waxseal status.'],
      [24, 'The signatures of timestamp have ended: clients that verify refuse this index.'],
    ] as const) {
      const { watch, metrics } = watchOf(store, { now: START + hours * 3_600_000 })
      const report = await readinessOf(store, watch, metrics).report()
      const check = reason === undefined ? { state: 'ok' } : { state: 'degraded', reason }
      assert.deepEqual([hours, report.checks.signing], [hours, check])
      assert.equal(report.status, reason === undefined ? 'ready' : 'degraded')
    }
  })

  test('is degraded while signatures cannot be renewed, and tells strangers no reason', async () => {
    await using store = await signedStore('failing')
    const { watch, metrics } = watchOf(store, { now: START })
    const message = 'The key file /var/lib/waxseal/keys/timestamp.pem cannot be read (EACCES).'
    const failing = async () => {
      throw new TrustError('signer-failed', message)
    }
    await assert.rejects(watch.renewing(failing), { message })
    assert.equal(watch.problem, message)
    const report = await readinessOf(store, watch, metrics).report()
    assert.deepEqual([report.status, report.checks.signing.state], ['degraded', 'degraded'])
    assert.doesNotMatch(JSON.stringify(report), /timestamp|var/)
    await watch.renewing(async () => undefined)
    assert.equal((await readinessOf(store, watch, metrics).report()).status, 'ready')
  })

  test('is degraded, not over, where nobody can see how long they hold', async () => {
    await using store = await signedStore('unreadable')
    const { watch, metrics } = watchOf(store, { now: START })
    await store.transaction((tx) => tx.updateTable('setting').set({ value: '{}' }).where('key', '=', 'trust').execute())
    const report = await readinessOf(store, watch, metrics).report()
    assert.deepEqual([report.status, report.checks.signing.state], ['degraded', 'degraded'])
  })
})
