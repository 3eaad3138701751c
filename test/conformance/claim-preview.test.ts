import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal } from '../support/server.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, basic, startIndex } from './index-under-test.ts'
import type { IndexUnderTest } from './index-under-test.ts'

describe('claiming a name that exists upstream', () => {
  let upstream: Simulator
  let folder: string
  let index: IndexUnderTest
  const file = buildWheel({ name: 'demo', version: '1.0' })
  const older = buildWheel({ name: 'demo', version: '0.9' })
  const start = () => startIndex({ upstreams: { pypi: upstream }, dataDir: join(folder, 'data') })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-claim-'))
    upstream = await startSimulator()
    const simulated = [file, older].map(({ filename, bytes }) => {
      return { filename, bytes, uploadTime: '2024-03-01T12:00:00.000000Z' }
    })
    upstream.addProject({ name: 'demo', files: simulated })
    index = await start()
    await index.page('demo')
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const preview = async (project = 'demo'): Promise<Preview> =>
    (await index.manage('GET', `/projects/${project}/claim`)).json() as Preview
  interface Preview {
    readonly changes: boolean
    readonly upstream: string | null
    readonly files: number
    readonly versions: readonly string[]
    readonly downloads: number
    readonly askers: readonly { readonly who: string; readonly downloads: number }[]
    readonly sentences: readonly string[]
  }

  it('shows what it would take from whom, from what the index knows itself', async () => {
    const download = async (from: string, token?: string): Promise<void> => {
      const headers = token === undefined ? {} : basic(token)
      assert.equal((await ask(index.fileUrl(file), { from, headers })).status, 200)
    }
    await download('127.0.0.1')
    await download('127.0.0.9')
    await download('127.0.7.1')
    assert.equal((await ask(`${index.fileUrl(file)}.metadata`)).status < 500, true, 'which is no download')
    // What was counted is written once a minute, and at the end.
    await index[Symbol.asyncDispose]()
    index = await start()
    const asked = upstream.requestsFor(/demo/).length
    const shown = await preview()
    assert.equal(upstream.requestsFor(/demo/).length, asked, 'DC-19: no upstream hears of it')
    assert.deepEqual(
      [shown.changes, shown.upstream, shown.files, shown.versions, shown.downloads],
      [true, 'pypi', 2, ['1.0', '0.9'], 3],
    )
    assert.deepEqual(
      shown.askers.map(({ who, downloads }) => [who, downloads]),
      [
        ['127.0.0.0/24', 2],
        ['127.0.7.0/24', 1],
      ],
    )
    assert.deepEqual(shown.sentences, [
      "demo belongs to the upstream pypi, and would be this index's own for good.",
      '2 files are given out under it now and would not be any more, not to old lock files either (newest versions: 1.0, 0.9).',
      'In the last 30 days they were downloaded 3 times, by 127.0.0.0/24 (2, last on 2026-03-01), 127.0.7.0/24 (1, last on 2026-03-01).',
    ])
    assert.equal((await preview('fresh')).changes, false)
    assert.equal(
      (await index.manage('GET', '/projects/demo/claim', undefined, await index.token('upload'))).status,
      403,
    )
  })

  it('takes a yes on the command line, after it has shown the same', async () => {
    const claim = (...args: readonly string[]) =>
      runWaxseal(['project', 'claim', 'demo', '--data', index.dataDir, ...args])
    assert.match(await claim('--dry-run'), /^demo belongs to the upstream pypi[^]*2 files are given out/)
    await assert.rejects(claim(), /exited with 1:[^]*2 files are given out[^]*To claim it all the same: --yes/)
    assert.equal((await preview()).changes, true)
    assert.match(await claim('--yes'), /^demo is internal/)
    assert.deepEqual(await index.filenames('demo'), [])
    assert.deepEqual((await preview()).sentences, ['This index alone answers for demo already: nothing would change.'])
    assert.match(await runWaxseal(['project', 'claim', 'fresh', '--data', index.dataDir]), /^fresh is internal/)
  })
})
