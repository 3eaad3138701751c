import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Fault, Simulator } from '../../../../test/support/upstream-simulator.ts'
import { sha256Of, startSimulator } from '../../../../test/support/upstream-simulator.ts'
import type { UpstreamConfig } from './config.ts'
import { upstreamDefaults } from './config.ts'
import type { FileAnswer, Upstream } from './upstream.ts'
import { openUpstream } from './upstream.ts'
import { UNWATCHED } from './watch.ts'

const WHEEL = Buffer.from('wheel '.repeat(2000))
const METADATA = Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n')
const FILENAME = 'demo-1.0-py3-none-any.whl'
/** Short enough for a test, long enough for a busy machine to answer well-behaved requests. */
const IMPATIENT = { firstByteTimeoutMs: 300, floorWindowMs: 300, minBytesPerSecond: 1000 }

let simulator: Simulator
let upstream: Upstream

beforeEach(async () => {
  simulator = await startSimulator()
  simulator.addProject({
    name: 'demo',
    files: [
      {
        filename: FILENAME,
        bytes: WHEEL,
        metadata: METADATA,
        provenance: Buffer.from('{}'),
        uploadTime: '2026-01-02T03:04:05Z',
        requiresPython: '>=3.9',
        yanked: 'broken',
      },
    ],
    status: { status: 'deprecated', reason: 'use another' },
  })
  upstream = open()
})

afterEach(async () => {
  await upstream[Symbol.asyncDispose]()
  await simulator[Symbol.asyncDispose]()
})

function open(settings: Partial<UpstreamConfig> = {}): Upstream {
  return openUpstream(upstreamDefaults('sim', simulator.simpleUrl, settings))
}

/** Replaces the upstream under test. */
async function reopen(settings: Partial<UpstreamConfig>): Promise<void> {
  await upstream[Symbol.asyncDispose]()
  upstream = open(settings)
}

async function read(answer: FileAnswer): Promise<Buffer> {
  assert.equal(answer.kind, 'open')
  const chunks: Uint8Array[] = []
  for await (const chunk of (answer as { body: AsyncIterable<Uint8Array> }).body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function failedPage(): Promise<string> {
  const answer = await upstream.fetchPage('demo')
  assert.equal(answer.kind, 'failed', JSON.stringify(answer).slice(0, 300))
  return answer.kind === 'failed' ? answer.reason : ''
}

async function assertHeals(): Promise<void> {
  simulator.clearFaults()
  assert.equal((await upstream.fetchPage('demo')).kind, 'found')
}

describe('Upstream.fetchPage', () => {
  for (const formats of ['json', 'html'] as const) {
    it(`reads ${formats}`, async () => {
      simulator.addProject({ name: 'other', files: [{ filename: 'other-2.0.tar.gz', bytes: WHEEL }], formats })
      const answer = await upstream.fetchPage('other')
      assert.ok(answer.kind === 'found')
      assert.deepEqual(answer.dropped, [])
      const [file] = answer.page.files
      assert.equal(file?.filename, 'other-2.0.tar.gz')
      assert.equal(file?.url, simulator.fileUrl('other', 'other-2.0.tar.gz'))
      assert.equal(file?.sha256, sha256Of(WHEEL))
      assert.equal(file?.size, formats === 'json' ? WHEEL.length : undefined)
    })
  }

  it('passes on what the page says of its files', async () => {
    const answer = await upstream.fetchPage('demo')
    assert.ok(answer.kind === 'found')
    const [file] = answer.page.files
    assert.equal(file?.yanked, 'broken')
    assert.equal(file?.requiresPython, '>=3.9')
    assert.match(file?.uploadTime ?? '', /^2026-01-02T03:04:05/)
    assert.deepEqual(file?.coreMetadata, { sha256: sha256Of(METADATA) })
    assert.equal(file?.provenance, `${simulator.fileUrl('demo', FILENAME)}.provenance`)
    assert.deepEqual(answer.page.status, { status: 'deprecated', reason: 'use another' })
  })

  it('asks for JSON first, HTML as a fallback, gzipped', async () => {
    await upstream.fetchPage('demo')
    const [request] = simulator.requests
    assert.match(request?.headers.accept ?? '', /^application\/vnd\.pypi\.simple\.v1\+json, .*text\/html;q=0\.01$/)
    assert.equal(request?.headers['accept-encoding'], 'gzip')
  })

  it('asks conditionally', async () => {
    const first = await upstream.fetchPage('demo')
    assert.ok(first.kind === 'found' && first.etag !== undefined)
    assert.deepEqual(await upstream.fetchPage('demo', { etag: first.etag }), { kind: 'not-modified' })
    assert.equal((await upstream.fetchPage('demo', { etag: '"other"' })).kind, 'found')
  })

  it('does not take an unasked 304 for an answer', async () => {
    simulator.setFault('/simple/', { kind: 'status', status: 304 })
    await failedPage()
  })

  it('reads a project of 5,000 files', async () => {
    const files = Array.from({ length: 5000 }, (_, at) => ({
      filename: `big-${at}.0.tar.gz`,
      bytes: Buffer.from(`${at}`),
    }))
    simulator.addProject({ name: 'big', files })
    const answer = await upstream.fetchPage('big')
    assert.ok(answer.kind === 'found')
    assert.equal(answer.page.files.length, 5000)
  })

  for (const status of [404, 410]) {
    it(`takes ${status} from the upstream itself for absent`, async () => {
      simulator.setFault('/simple/', { kind: 'status', status })
      assert.deepEqual(await upstream.fetchPage('demo'), { kind: 'absent' })
    })
  }

  it('does not take a 404 from elsewhere for absent', async () => {
    await using elsewhere = await startSimulator()
    await reopen({ alsoAllow: [elsewhere.url] })
    simulator.setFault('/simple/', { kind: 'redirect', to: `${elsewhere.url}/simple/demo/` })
    await failedPage()
    assert.equal(elsewhere.requests.length, 1)
  })

  const FAULTS: readonly (readonly [string, Fault])[] = [
    ['401', { kind: 'status', status: 401 }],
    ['403', { kind: 'status', status: 403 }],
    ['204', { kind: 'status', status: 204 }],
    [
      '206',
      { kind: 'status', status: 206, headers: { 'content-type': 'text/html' }, body: '<a href=x-1.tar.gz>x</a>' },
    ],
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['garbage', { kind: 'garbage' }],
    ['an HTML error page with 200', { kind: 'html-error' }],
    ['an empty HTML page', { kind: 'status', status: 200, headers: { 'content-type': 'text/html' } }],
    ['a wrong content type', { kind: 'content-type', contentType: 'application/json' }],
    ['truncation', { kind: 'truncate', afterBytes: 100 }],
    ['a changed byte', { kind: 'change-bytes', at: 20 }],
    ['a cut connection', { kind: 'close' }],
    ['a redirect without end', { kind: 'redirect-loop' }],
    ['a redirect to nowhere', { kind: 'redirect', to: 'http://[' }],
    ['a foreign encoding', { kind: 'status', status: 200, headers: { 'content-encoding': 'br' }, body: 'x' }],
  ]
  for (const [name, fault] of FAULTS) {
    it(`fails on ${name}, and heals`, async () => {
      simulator.setFault('/simple/', fault)
      await failedPage()
      await assertHeals()
    })
  }

  it('API-NAME: fails when the page is of another project', async () => {
    simulator.addProject({ name: 'demo', pageName: 'evil', files: [], formats: 'json' })
    await failedPage()
  })

  it('API-VER: fails on an unknown major version', async () => {
    for (const formats of ['json', 'html'] as const) {
      simulator.addProject({ name: 'demo', apiVersion: '2.0', files: [], formats })
      await failedPage()
    }
  })

  it('API-PROTO: is not impressed by keys that objects have by nature', async () => {
    const body = `{"__proto__":{"files":[]},"constructor":1,"meta":{"api-version":"1.0","__proto__":{}},"name":"demo","files":[]}`
    const headers = { 'content-type': 'application/vnd.pypi.simple.v1+json' }
    simulator.setFault('/simple/', { kind: 'status', status: 200, headers, body })
    const answer = await upstream.fetchPage('demo')
    assert.ok(answer.kind === 'found')
    assert.deepEqual(answer.page.files, [])
    assert.equal(Object.hasOwn(Object.prototype, 'files'), false)
  })

  it('API-JSURL, API-SSRF: leaves out files that may never be fetched', async () => {
    const urls = ['javascript:x/a-1.0.tar.gz', 'file:///etc/a-2.0.tar.gz', 'http://192.168.0.1/a-3.0.tar.gz']
    const safe = 'https://files.example.org/a-9.0.tar.gz'
    const files = [...urls, 'https://169.254.169.254/a-4.0.tar.gz', safe].map((url) => {
      return { filename: url.slice(url.lastIndexOf('/') + 1), bytes: WHEEL, url }
    })
    for (const formats of ['json', 'html'] as const) {
      simulator.addProject({ name: 'a', files, formats })
      const answer = await upstream.fetchPage('a')
      assert.ok(answer.kind === 'found')
      assert.deepEqual(
        answer.page.files.map(({ url }) => url),
        [safe],
      )
      assert.equal(answer.dropped.length, 4)
    }
  })

  it('ED-SIMPLE: stops reading an endless page', async () => {
    await reopen({ maxPageBytes: 1_000_000 })
    simulator.setFault('/simple/', { kind: 'endless' })
    assert.match(await failedPage(), /more than 1000000 bytes/)
    await assertHeals()
  })

  it('ED-DEC: stops decoding a gzip bomb', async () => {
    await reopen({ maxPageBytes: 1_000_000 })
    simulator.setFault('/simple/', { kind: 'gzip-bomb', bytes: 100_000_000 })
    assert.match(await failedPage(), /more than 1000000 bytes/)
    await assertHeals()
  })

  it('SR-1: gives up on silence before headers, within the body, and on a drip', async () => {
    await reopen(IMPATIENT)
    const slow: Fault[] = [{ kind: 'hang' }, { kind: 'stall', afterBytes: 50 }, { kind: 'drip', everyMs: 20 }]
    for (const fault of slow) {
      simulator.setFault('/simple/', fault)
      assert.match(await failedPage(), /in time|too slowly/)
      await assertHeals()
    }
  })

  it('SR-1: has a deadline over all', async () => {
    await reopen({ pageDeadlineMs: 300, minBytesPerSecond: 1 })
    simulator.setFault('/simple/', { kind: 'drip', everyMs: 10 })
    assert.match(await failedPage(), /finish in time/)
  })

  it('MIR: a hanging answer delays nobody else', async () => {
    simulator.addProject({ name: 'quick', files: [] })
    simulator.setFault('/simple/demo/', { kind: 'hang' })
    await reopen(IMPATIENT)
    const hanging = Array.from({ length: 20 }, () => upstream.fetchPage('demo'))
    assert.equal((await upstream.fetchPage('quick')).kind, 'found')
    for (const answer of await Promise.all(hanging)) assert.equal(answer.kind, 'failed')
  })

  it('follows relative redirects', async () => {
    simulator.setFault('/simple/old/', { kind: 'redirect', to: '../demo/', status: 301 })
    const answer = await upstream.fetchPage('old')
    assert.equal(answer.kind, 'failed', 'it is the page of another project, and JSON says so')
    assert.equal(simulator.requestsFor('/simple/demo/').length, 1)
  })

  it('leaves an origin alone after Retry-After, and says for how long', async () => {
    simulator.setFault('/simple/', { kind: 'status', status: 429, headers: { 'retry-after': '30' } })
    const answer = await upstream.fetchPage('demo')
    assert.ok(answer.kind === 'failed')
    assert.equal(answer.retryAfterMs, 30_000)
    const second = await upstream.fetchPage('demo')
    assert.ok(second.kind === 'failed')
    assert.ok((second.retryAfterMs ?? 0) > 20_000)
    assert.equal(simulator.requests.length, 1)
  })

  it('gives up what is under way when it is disposed of, asks nothing more, and blames no origin for that', async () => {
    const down: string[] = []
    const watch = { ...UNWATCHED, down: (origin: string) => void down.push(origin) }
    const ending = openUpstream(upstreamDefaults('sim', simulator.simpleUrl, { circuitFailures: 1 }), { watch })
    simulator.setFault('/simple/', { kind: 'hang' })
    simulator.setFault('/files/', { kind: 'stall', afterBytes: 1000 })
    const file = await ending.openFile(simulator.fileUrl('demo', FILENAME))
    const page = ending.fetchPage('demo')
    await simulator.waitForRequests('/simple/', 1)
    await ending[Symbol.asyncDispose]()
    await assert.rejects(read(file), { code: 'upstream-failed', message: 'This server is stopping.' })
    const failed = { kind: 'failed', reason: 'This server is stopping.' }
    assert.deepEqual([await page, await ending.fetchPage('demo')], [failed, failed])
    assert.deepEqual([simulator.requests.length, down], [2, []])
  })

  it('opens the circuit after failures in a row, and closes it by a probe', async () => {
    let now = 0
    await upstream[Symbol.asyncDispose]()
    upstream = openUpstream(upstreamDefaults('sim', simulator.simpleUrl), { clock: { now: () => now } })
    simulator.setFault('/simple/', { kind: 'status', status: 500 })
    for (let time = 0; time < 20; time++) await failedPage()
    assert.equal(simulator.requests.length, 5)
    now += 1000
    await assertHeals()
  })

  it('is not closed down by one project whose page is broken', async () => {
    simulator.addProject({ name: 'fine', files: [] })
    simulator.setFault('/simple/demo/', { kind: 'garbage' })
    for (let time = 0; time < 20; time++) await failedPage()
    assert.equal((await upstream.fetchPage('fine')).kind, 'found')
  })

  it('fails when the caller gives up, without blaming the upstream', async () => {
    simulator.setFault('/simple/', { kind: 'hang' })
    for (let time = 0; time < 10; time++) {
      simulator.clearRequests()
      const controller = new AbortController()
      const answer = upstream.fetchPage('demo', {}, controller.signal)
      await simulator.waitForRequests('/simple/demo/', 1)
      controller.abort()
      assert.equal((await answer).kind, 'failed')
    }
    await assertHeals()
  })

  it('fails when nobody listens', async () => {
    await simulator[Symbol.asyncDispose]()
    assert.match(await failedPage(), /ECONNREFUSED|UND_ERR/)
    simulator = await startSimulator()
  })
})

describe('Upstream.fetchProjectList', () => {
  const list = async (validators = {}) => {
    const names: string[] = []
    const answer = await upstream.fetchProjectList((some) => names.push(...some), validators)
    return { names, answer }
  }

  it('hands on the names of the list, in either form, and asks for nothing else', async () => {
    simulator.listNames(['Demo', 'other_one'])
    const json = await list()
    assert.deepEqual([json.answer.kind, json.names], ['found', ['demo', 'other-one']])
    simulator.addAnswer('/html/', {
      headers: { 'content-type': 'text/html' },
      body: Buffer.from('<a href="demo/">Demo</a>'),
    })
    await using html = openUpstream(upstreamDefaults('sim', `${simulator.url}/html/`))
    const names: string[] = []
    assert.equal((await html.fetchProjectList((some) => names.push(...some))).kind, 'found')
    assert.deepEqual(names, ['demo'])
    assert.deepEqual(
      simulator.requests.map(({ path }) => path),
      ['/simple/', '/html/'],
    )
  })

  it('asks conditionally', async () => {
    const { answer } = await list()
    assert.ok(answer.kind === 'found' && answer.etag !== undefined)
    const { names, answer: second } = await list({ etag: answer.etag })
    assert.deepEqual([second, names], [{ kind: 'not-modified' }, []])
  })

  it('fails on whatever is no whole list, and has handed on at most what came', async () => {
    simulator.listNames(Array.from({ length: 5_000 }, (_, at) => `name-${at}`))
    await reopen({ ...IMPATIENT, circuitFailures: 100 })
    const faults: readonly Fault[] = [
      { kind: 'truncate', afterBytes: 10_000 },
      { kind: 'garbage' },
      { kind: 'html-error' },
      { kind: 'content-type', contentType: 'application/json' },
      { kind: 'status', status: 404 },
      { kind: 'status', status: 500 },
      { kind: 'close' },
      { kind: 'stall', afterBytes: 100 },
    ]
    for (const fault of faults) {
      simulator.clearFaults()
      simulator.setFault('/simple/', fault)
      const { names, answer } = await list()
      assert.equal(answer.kind, 'failed', fault.kind)
      assert.ok(names.length < 5_000, fault.kind)
    }
    simulator.clearFaults()
    const healed = await list()
    assert.deepEqual([healed.answer.kind, healed.names.length], ['found', 5_000])
  })
})

describe('Upstream.openFile', () => {
  it('gives the size and the bytes, uncompressed', async () => {
    const answer = await upstream.openFile(simulator.fileUrl('demo', FILENAME))
    assert.ok(answer.kind === 'open')
    assert.equal(answer.size, WHEEL.length)
    assert.deepEqual(await read(answer), WHEEL)
    assert.equal(simulator.requests[0]?.headers['accept-encoding'], 'identity')
  })

  it('says absent and failed', async () => {
    assert.deepEqual(await upstream.openFile(simulator.fileUrl('demo', 'none-1.0.tar.gz')), { kind: 'absent' })
    simulator.setFault('/files/', { kind: 'status', status: 500 })
    assert.equal((await upstream.openFile(simulator.fileUrl('demo', FILENAME))).kind, 'failed')
  })

  it('throws upstream-failed when it is cut short', async () => {
    simulator.setFault('/files/', { kind: 'truncate', afterBytes: 5000 })
    await assert.rejects(read(await upstream.openFile(simulator.fileUrl('demo', FILENAME))), {
      code: 'upstream-failed',
    })
  })

  it('ED-TGT: stops reading an endless file, and one that says it is too long', async () => {
    await reopen({ maxFileBytes: 1_000_000 })
    simulator.setFault('/files/', { kind: 'endless' })
    await assert.rejects(read(await upstream.openFile(simulator.fileUrl('demo', FILENAME))), {
      code: 'upstream-failed',
    })
    simulator.setFault('/files/', { kind: 'lying-length', by: 2_000_000 })
    assert.equal((await upstream.openFile(simulator.fileUrl('demo', FILENAME))).kind, 'failed')
  })

  it('SR-1: a drip fails, a slow reader does not', async () => {
    await reopen(IMPATIENT)
    simulator.setFault('/files/', { kind: 'drip', everyMs: 10, afterBytes: 100 })
    await assert.rejects(read(await upstream.openFile(simulator.fileUrl('demo', FILENAME))), /too slowly/)
    simulator.clearFaults()
    const answer = await upstream.openFile(simulator.fileUrl('demo', FILENAME))
    assert.ok(answer.kind === 'open')
    let bytes = 0
    for await (const chunk of answer.body) {
      bytes += chunk.byteLength
      // Blocking for longer than a window: what waits in the buffers is not the upstream's fault.
      const until = performance.now() + 400
      while (performance.now() < until);
    }
    assert.equal(bytes, WHEEL.length)
  })

  it('closes the connection of a file that nobody wants any more', async () => {
    const never = Promise.withResolvers<void>()
    simulator.setFault('/files/', { kind: 'hold', until: never.promise, afterBytes: 100 })
    const answer = await upstream.openFile(simulator.fileUrl('demo', FILENAME))
    assert.ok(answer.kind === 'open')
    answer.close()
    await assert.rejects(read(answer))
    never.resolve()
  })
})

describe('Upstream.fetchSmall', () => {
  it('gives a sidecar whole', async () => {
    const answer = await upstream.fetchSmall(`${simulator.fileUrl('demo', FILENAME)}.metadata`, 1000)
    assert.ok(answer.kind === 'found')
    assert.deepEqual(Buffer.from(answer.bytes), METADATA)
  })

  it('ED-META: refuses one that is too long, endless or truncated', async () => {
    const url = `${simulator.fileUrl('demo', FILENAME)}.metadata`
    assert.equal((await upstream.fetchSmall(url, 10)).kind, 'failed')
    for (const fault of [{ kind: 'endless' }, { kind: 'truncate', afterBytes: 5 }] satisfies Fault[]) {
      simulator.setFault('/files/', fault)
      assert.equal((await upstream.fetchSmall(url, 1000)).kind, 'failed')
    }
    simulator.clearFaults()
    assert.equal((await upstream.fetchSmall(url, 1000)).kind, 'found')
  })

  it('says absent', async () => {
    assert.deepEqual(await upstream.fetchSmall(simulator.fileUrl('demo', 'x'), 10), { kind: 'absent' })
  })
})
