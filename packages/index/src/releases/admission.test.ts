import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import { listenOn } from '../http/listen.ts'
import { indexDefaults, openIndex } from '../open-index.ts'
import { upstreamDefaults } from '../upstream/config.ts'

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
