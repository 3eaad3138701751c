import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { CIRCUIT_MAX_OPEN_MS } from '../../packages/index/src/limits.ts'
import { addressOf, until } from '../support/behind-upstream.ts'
import { HOUR, MINUTE, startClocked } from './clocked-index.ts'

const wheel = (project: string, version: string) => ({
  filename: `${project}-${version}-py3-none-any.whl`,
  bytes: randomBytes(100_000),
})

for (const kind of ['close', 'hang'] as const) {
  void test(`an upstream that is gone for a day (${kind}): what is kept is served, nothing is called absent, and it comes back by itself`, async () => {
    await using clocked = await startClocked()
    const { upstream } = clocked
    const kept = wheel('kept', '1.0')
    const projects = ['kept', 'second', 'third']
    for (const name of projects) {
      const file = name === 'kept' ? kept : wheel(name, '1.0')
      upstream.addProject({ name, files: [file] })
      assert.deepEqual(await clocked.versions(name), ['1.0'])
    }
    assert.equal((await clocked.ask(addressOf('kept', kept))).status, 200)
    const heard = clocked.now

    upstream.setFault('/', { kind })
    upstream.clearRequests()
    const hours = kind === 'close' ? 24 : 3
    let hints = 0
    for (let hour = 1; hour <= hours; hour++) {
      clocked.now = heard + hour * HOUR
      const before = upstream.requests.length
      const pages = Array.from({ length: 30 }, (_, at) => clocked.versions(projects[at % 3] ?? ''))
      for (const versions of await Promise.all(pages)) assert.deepEqual(versions, ['1.0'], `after ${hour} hours`)
      const file = await clocked.ask(addressOf('kept', kept))
      assert.ok(file.body.equals(kept.bytes), `after ${hour} hours`)
      if (kind === 'hang' && hour === 1) continue
      const unknown = await clocked.ask(`/simple/unknown${hour}/`)
      assert.equal(unknown.status, 503, 'never a 404: nobody said that it does not exist')
      if (unknown.headers['retry-after'] !== undefined) hints++
      const newer = await clocked.ask(addressOf('kept', wheel('kept', '2.0')))
      assert.equal(newer.status, 503, 'nobody said that there is no such file: the page may be old')
      // Every request within the hour would ask once more: a circuit lets one probe through.
      assert.ok(upstream.requests.length - before <= 10, `${upstream.requests.length - before} questions in a burst`)
    }
    if (kind === 'close') assert.ok(hints > hours / 2, 'clients are told when to come again')

    const why = await clocked.ask('/why/kept', { accept: 'application/json' })
    const { upstreamCheckedAt } = JSON.parse(why.body.toString()) as { upstreamCheckedAt: string }
    assert.equal(upstreamCheckedAt, new Date(heard).toISOString(), 'the explanation tells how old the page is')
    assert.match((await clocked.ask('/why/kept', { accept: 'text/html' })).body.toString(), /last answered/)

    upstream.clearFaults()
    upstream.addProject({ name: 'kept', files: [kept, wheel('kept', '2.0')] })
    upstream.addProject({ name: 'unknown1', files: [wheel('unknown1', '1.0')] })
    clocked.now += CIRCUIT_MAX_OPEN_MS
    assert.deepEqual(await clocked.versions('kept'), ['1.0', '2.0'], 'one probe later')
    assert.deepEqual(await clocked.versions('unknown1'), ['1.0'])
    clocked.now += MINUTE
    assert.match((await clocked.versions('really-unknown'))[0] ?? '', /^404 /)

    const told = await until(
      () => clocked.index.store.db.selectFrom('event').selectAll().where('kind', 'like', 'upstream-%').execute(),
      (events) => events.at(-1)?.kind === 'upstream-up',
    )
    const [down, up] = [told[0], told.at(-1)].map(
      (event) => JSON.parse(event?.detail ?? '{}') as Record<string, unknown>,
    )
    assert.equal(told[0]?.kind, 'upstream-down')
    assert.ok(typeof down?.['error'] === 'string' && down['error'] !== '', 'with the failure that did it')
    assert.equal(up?.['downSeconds'], Math.round((clocked.now - MINUTE - Date.parse(told[0]?.at ?? '')) / 1000))
  })
}
