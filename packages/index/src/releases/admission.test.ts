import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SimpleFile, SimpleProjectPage } from '@waxseal/packaging'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import { listenOn } from '../http/listen.ts'
import { ANOMALY_FILES, INSERT_CHUNK } from '../limits.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { openStore } from '../store/store.ts'
import { upstreamDefaults } from '../upstream/config.ts'
import { admitListing } from './admission.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('UPS-REPL: other metadata for an admitted file is recorded once and changes nothing', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-admission-'))
  await using upstream = await startSimulator()
  let now = Date.parse('2026-03-01T12:00:00.000Z')
  const upstreams = [upstreamDefaults('sim', upstream.simpleUrl, { refreshSeconds: 1 })]
  const config = indexDefaults(join(folder.path, 'data'), { upstreams })
  await using index = await openIndex(config, { clock: { now: () => now } })
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  const bytes = Buffer.from('a wheel')
  const list = (metadata: Buffer, requiresPython = '>=3'): void => {
    const file = { filename: 'demo-1.0-py3-none-any.whl', bytes, metadata, requiresPython }
    upstream.addProject({ name: 'demo', files: [file] })
  }
  const listed = async (): Promise<unknown> => {
    now += 60_000
    const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
    const page = (await (await fetch(`${server.url}/simple/demo/`, { headers })).json()) as {
      files: readonly { 'core-metadata': unknown; hashes: unknown }[]
    }
    return page.files.map((file) => [file.hashes, file['core-metadata']])
  }
  const admitted = Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n')
  const other = Buffer.concat([admitted, Buffer.from('Requires-Dist: evil\n')])
  const asAdmitted = [[{ sha256: sha256(bytes) }, { sha256: sha256(admitted) }]]
  list(admitted)
  assert.deepEqual(await listed(), asAdmitted)

  list(other)
  assert.deepEqual(await listed(), asAdmitted)
  // Something else is new, so that the listing is looked at once more and not answered by a 304.
  list(other, '>=3.9')
  assert.deepEqual(await listed(), asAdmitted)
  const events = await index.store.db.selectFrom('event').select(['kind', 'detail']).execute()
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['upstream-metadata-mutated'],
  )
  for (const named of ['demo-1.0-py3-none-any.whl', sha256(admitted), sha256(other)]) {
    assert.ok(events[0]?.detail.includes(named), named)
  }
})

test('UPS-DEL: a flapping page of thousands leaves the event loop its turns, and one event a change', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-admission-'))
  await using store = await openStore({ kind: 'sqlite', path: join(folder.path, 'waxseal.db') })
  const count = 2000
  const files = Array.from({ length: count }, (_, at): SimpleFile => {
    const filename = `big-1.${at}-py3-none-any.whl`
    return {
      filename,
      url: `https://up.example/${filename}`,
      sha256: sha256(Buffer.from(filename)),
      size: 1,
      yanked: false,
    }
  })
  const page: SimpleProjectPage = { name: 'big', versions: [], files, apiVersion: '1.4' }
  const listing = { project: 'big', upstream: 'up', at: '2026-03-01T12:00:00.000Z', localVersions: true }
  /** Admits a listing and counts how often others could have run meanwhile. */
  const turnsDuring = async (listed: SimpleProjectPage): Promise<number> => {
    let turns = 0
    let running = true
    const tick = (): void => {
      turns += 1
      if (running) setImmediate(tick)
    }
    setImmediate(tick)
    await store.transaction((tx) => admitListing(tx, { ...listing, page: listed }))
    running = false
    return turns
  }
  assert.ok((await turnsDuring(page)) >= count / INSERT_CHUNK)
  for (const listed of [{ ...page, files: [] }, page, { ...page, files: [] }]) await turnsDuring(listed)
  const events = await store.db.selectFrom('event').select(['kind', 'detail']).orderBy('id').execute()
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['upstream-withdrawn', 'upstream-returned', 'upstream-withdrawn'],
  )
  for (const { detail } of events) {
    const told = JSON.parse(detail) as { readonly count: number; readonly files: readonly unknown[] }
    assert.deepEqual([told.count, told.files.length], [count, ANOMALY_FILES])
  }
})
