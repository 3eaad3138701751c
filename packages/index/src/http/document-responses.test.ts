import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { OPERATOR } from '../access/actor.ts'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import type { Simulator } from '../../../../test/support/upstream-simulator.ts'
import { EXPLAINED_FILES } from '../limits.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { AS_OPERATOR } from '../register/members.ts'
import type { Index } from '../open-index.ts'
import { upstreamDefaults } from '../upstream/config.ts'
import { listenOn } from './listen.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly json: () => Record<string, unknown>
}

interface Served {
  readonly upstream: Simulator
  readonly index: Index
  readonly ask: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>
  /** The tag of a document, which stays while nothing about it changes. */
  readonly tag: (path: string) => Promise<string | undefined>
}

async function serve(work: (served: Served) => Promise<void>): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-documents-'))
  await using upstream = await startSimulator()
  const upstreams = [upstreamDefaults('sim', upstream.simpleUrl)]
  await using index = await openIndex(indexDefaults(join(folder.path, 'data'), { upstreams }))
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  const ask: Served['ask'] = async (path, headers = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const sent = request(`${server.url}${path}`, { headers, agent: false }, (res) => {
      const pieces: Buffer[] = []
      res.on('data', (piece: Buffer) => pieces.push(piece))
      res.on('end', () => {
        const body = Buffer.concat(pieces)
        const json = () => JSON.parse(body.toString()) as Record<string, unknown>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body, json })
      })
    })
    sent.on('error', reject).end()
    return promise
  }
  await work({ upstream, index, ask, tag: async (path) => (await ask(path)).headers.etag })
}

const METADATA = Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: kept since\n')
const bytes = Buffer.from('a wheel')
const filename = 'demo-1.0-py3-none-any.whl'
const olderWheel = (minor: number) => ({
  filename: `demo-0.${minor}-py3-none-any.whl`,
  bytes: Buffer.from(`wheel ${minor}`),
})
const more = [olderWheel(0), ...Array.from({ length: 30 }, (_, before) => olderWheel(before + 1))] as const
const addressOf = (file: { readonly filename: string; readonly bytes: Buffer }): string =>
  `/files/demo/${createHash('sha256').update(file.bytes).digest('hex')}/${file.filename}`
const fileAddress = addressOf({ filename, bytes })

const withDemo = (work: (served: Served) => Promise<void>): Promise<void> =>
  serve(async (served) => {
    served.upstream.addProject({ name: 'demo', files: [{ filename, bytes, metadata: METADATA }, ...more] })
    assert.equal((await served.ask('/simple/demo/')).status, 200)
    await work(served)
  })

describe('documents about whole projects', () => {
  for (const path of ['/why/demo', '/why/demo/1.0', '/why/nobody', '/pypi/demo/json', '/pypi/demo/1.0/json']) {
    test(`${path} has a strong tag for each encoding, and is not sent again to who has it`, () =>
      withDemo(async ({ ask }) => {
        const plain = await ask(path)
        const packed = await ask(path, { 'accept-encoding': 'gzip' })
        assert.deepEqual([plain.status, packed.status], [200, 200])
        assert.ok(gunzipSync(packed.body).equals(plain.body))
        assert.notEqual(plain.headers.etag, packed.headers.etag)
        assert.match(plain.headers.etag ?? '', /^"[\w-]{43}"$/)
        assert.match(plain.headers.vary ?? '', /Accept-Encoding$/)
        const again = await ask(path, { 'if-none-match': plain.headers.etag ?? '' })
        assert.deepEqual([again.status, again.body.length], [304, 0])
        for (const name of ['etag', 'vary', 'cache-control', 'waxseal-snapshot', 'x-pypi-last-serial']) {
          assert.equal(again.headers[name], plain.headers[name], name)
        }
      }))
  }

  test('what changes without a new page is in the explanation at once: a decision, a kept file, an event', () =>
    withDemo(async ({ ask, tag, index }) => {
      const tags = new Set([await tag('/why/demo')])
      assert.ok(tags.has(await tag('/why/demo')))
      const snapshot = (await ask('/simple/demo/')).headers['waxseal-snapshot']
      const download = async (address: string, name: string): Promise<void> => {
        assert.equal((await ask(address)).status, 200)
        // The body may end before its row says that it is kept.
        const row = index.store.db.selectFrom('file').select('stored').where('filename', '=', name)
        while ((await row.executeTakeFirstOrThrow()).stored !== 1) await new Promise((resolve) => setImmediate(resolve))
      }
      await download(fileAddress, filename)
      tags.add(await tag('/why/demo'))
      assert.match((await ask('/why/demo')).body.toString(), /first-download/)
      const [other] = more
      await download(addressOf(other), other.filename)
      tags.add(await tag('/why/demo'))
      assert.equal(tags.size, 3, 'a decision, then a file')
      const event = { project: 'demo', kind: 'upstream-mutated', at: '2026-01-01T00:00:00.000Z', actor: null }
      await index.store.transaction((tx) =>
        tx
          .insertInto('event')
          .values({ ...event, detail: '{}' })
          .execute(),
      )
      tags.add(await tag('/why/demo'))
      assert.equal(tags.size, 4, 'an event')
      assert.equal((await ask('/simple/demo/')).headers['waxseal-snapshot'], snapshot, 'and all that on one page')
      await index.management.claim('demo', OPERATOR)
      tags.add(await tag('/why/demo'))
      assert.equal(tags.size, 5, 'a decision whose page is not out yet')
    }))

  test('metadata that is fetched later is in the JSON document from then on', () =>
    withDemo(async ({ ask, tag }) => {
      const summary = async (path: string) => ((await ask(path)).json()['info'] as Record<string, unknown>)['summary']
      const before = await tag('/pypi/demo/json')
      assert.deepEqual([await summary('/pypi/demo/json'), await summary('/pypi/demo/1.0/json')], [null, null])
      assert.equal(await tag('/pypi/demo/json'), before)
      assert.equal((await ask(`${fileAddress}.metadata`)).status, 200)
      for (const path of ['/pypi/demo/json', '/pypi/demo/1.0/json', '/pypi/demo/1.0.0/json']) {
        assert.equal(await summary(path), 'kept since', path)
      }
      assert.notEqual(await tag('/pypi/demo/json'), before)
    }))

  test('a changed project has other documents', () =>
    withDemo(async ({ ask, tag, index }) => {
      const paths = ['/why/demo', '/why/demo/1.0', '/pypi/demo/json', '/pypi/demo/1.0/json']
      const before = await Promise.all(paths.map(tag))
      for (const status of ['quarantined', 'active'] as const) {
        const outcome = await index.management.setStatus('demo', { status }, AS_OPERATOR)
        assert.equal(outcome.kind, 'done')
        await index.management.settled()
        const open = status === 'active'
        const document = await ask('/pypi/demo/json')
        assert.equal(document.status, open ? 200 : 404)
        if (!open) assert.deepEqual(document.json(), { message: 'Not Found' })
        const { offeredCount } = (await ask('/why/demo', { accept: 'application/json' })).json()
        assert.equal(offeredCount, open ? 1 + more.length : 0)
      }
      const after = await Promise.all(paths.map(tag))
      for (const [at, path] of paths.entries()) assert.notEqual(after[at], before[at], path)
    }))

  test('CACHE-KEY: the addresses in a document are those of the host it was asked for by', () =>
    withDemo(async ({ ask }) => {
      for (const host of ['one.example', 'two.example', 'one.example']) {
        const { urls } = (await ask('/pypi/demo/json', { host })).json() as { urls: readonly { url: string }[] }
        assert.equal(urls[0]?.url, `http://${host}${fileAddress}`)
      }
    }))

  test('an explanation lists the newest files only, says so, and counts them all', () =>
    serve(async ({ upstream, ask }) => {
      const files = Array.from({ length: EXPLAINED_FILES + 5 }, (_, minor) => ({
        filename: `big-1.${minor}-py3-none-any.whl`,
        bytes: Buffer.from(`wheel ${minor}`),
        uploadTime: new Date(Date.parse('2024-01-01T00:00:00Z') + minor * 60_000).toISOString(),
      }))
      upstream.addProject({ name: 'big', files })
      assert.equal((await ask('/simple/big/')).status, 200)
      const explained = async (path: string) =>
        (await ask(path, { accept: 'application/json' })).json() as {
          offered: readonly { filename: string }[]
          offeredCount: number
        }
      const { offered, offeredCount } = await explained('/why/big')
      assert.deepEqual([offered.length, offeredCount], [EXPLAINED_FILES, EXPLAINED_FILES + 5])
      const listed = new Set(offered.map((file) => file.filename))
      assert.deepEqual(
        files.filter((file) => !listed.has(file.filename)).map((file) => file.filename),
        files.slice(0, 5).map((file) => file.filename),
      )
      const page = (await ask('/why/big')).body.toString()
      assert.match(page, /Offered: 1005 files/)
      assert.match(page, /The newest 1000 of them are listed/)
      assert.deepEqual(
        (await explained('/why/big/1.0')).offered.map((file) => file.filename),
        ['big-1.0-py3-none-any.whl'],
      )
    }))
})
