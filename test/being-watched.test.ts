import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { MAX_EVENT_STREAMS } from '../packages/index/src/limits.ts'
import { until } from './support/behind-upstream.ts'
import { cleanEnvironment, MAIN } from './support/command.ts'
import { openSocket } from './support/raw-socket.ts'
import { startWaxseal } from './support/server.ts'
import type { RunningServer } from './support/server.ts'

suite('a server that is watched', () => {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  const admin = () => ({ authorization: `Bearer ${server.token}` })

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-watched-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const config = join(folder, 'waxseal.toml')
    await writeFile(config, 'trusted-proxies = ["127.0.0.1"]\n')
    server = parts.use(await startWaxseal({ args: ['--no-upstream', '--config', config] }))
  })
  after(() => parts.disposeAsync())

  test('a request id is taken from a trusted proxy, where it is harmless, and from nobody else', async () => {
    const idOf = async (given: string, from?: string): Promise<string> => {
      const { socket, closed } = openSocket(server.url, from)
      socket.write(`GET /simple/ HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${given}\r\nConnection: close\r\n\r\n`)
      return /^x-request-id: (.*)\r$/im.exec(await closed)?.[1] ?? ''
    }
    assert.equal(await idOf('0af7651916cd43dd8448eb211c80319c'), '0af7651916cd43dd8448eb211c80319c')
    for (const strange of [
      'short',
      'with space in it',
      'quote"quote"quote',
      'x'.repeat(129),
      'esc\u001b[2Jesc\u001b',
    ]) {
      assert.notEqual(await idOf(strange), strange)
    }
    assert.notEqual(await idOf('0af7651916cd43dd8448eb211c80319c', '127.0.0.2'), '0af7651916cd43dd8448eb211c80319c')
  })

  test('requests in flight: none is left by clients that hang up, nor by pipelines', async () => {
    const inFlight = async (): Promise<number> => {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return Number(/^waxseal_http_requests_in_flight (.*)$/m.exec(text)?.[1])
    }
    const get = (path: string, last = false): string =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${last ? 'Connection: close\r\n' : ''}\r\n`
    const pipelines = Array.from({ length: 10 }, () => openSocket(server.url))
    for (const { socket } of pipelines) socket.write(get('/simple/').repeat(10) + get('/why/absent', true))
    for (const { closed } of pipelines) assert.equal((await closed).match(/HTTP\/1\.1 \d{3} /g)?.length, 11)
    for (let count = 0; count < 20; count++) {
      const { socket, closed } = openSocket(server.url)
      const body =
        'POST /legacy/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: multipart/form-data; boundary=b\r\n'
      // Half of an upload, half of a pipeline, a stream of events: then they are gone.
      const stream = `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${server.token}\r\n\r\n`
      const sent = [`${body}\r\n--b`, get('/simple/').repeat(50), stream][count % 3] ?? ''
      socket.write(sent, () => (count % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()))
      await closed
    }
    assert.equal(await until(inFlight, (requests) => requests === 1), 1, 'the one that asks')
  })

  test('/-/ready says 503 and which check failed, and 200 again', async () => {
    const ready = async () => {
      const answer = await fetch(`${server.url}/-/ready`)
      const { checks } = (await answer.json()) as { checks: Record<string, { state: string }> }
      return { status: answer.status, checks }
    }
    assert.equal((await ready()).status, 200)
    const blobs = join(server.dataDir, 'blobs')
    await rename(blobs, `${blobs}-away`)
    const { checks } = await until(ready, ({ status }) => status === 503)
    assert.deepEqual([checks['files']?.state, checks['database']?.state], ['failed', 'ok'])
    assert.equal((await fetch(`${server.url}/-/health`)).status, 200)
    await rename(`${blobs}-away`, blobs)
    await until(ready, ({ status }) => status === 200)
  })

  test(`${MAX_EVENT_STREAMS} streams of events, no more; a stop ends them all`, async () => {
    const ended = new AbortController()
    const open = () =>
      fetch(`${server.url}/api/v1/events`, {
        headers: { ...admin(), accept: 'text/event-stream' },
        signal: ended.signal,
      })
    const streams = await until(
      async () => {
        // Those of the clients that hung up may be counted for a moment longer.
        const answers = await Promise.all(Array.from({ length: MAX_EVENT_STREAMS }, open))
        if (answers.some(({ status }) => status !== 200)) for (const { body } of answers) await body?.cancel()
        return answers
      },
      (answers) => answers.every(({ status }) => status === 200),
    )
    const refused = await open()
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '30'])
    await streams.pop()?.body?.cancel()
    const again = await until(open, ({ status }) => status === 200)
    streams.push(again)
    const texts = streams.map((stream) => stream.text())
    const code = await server.stop()
    assert.equal(code, 0)
    for (const text of await Promise.all(texts)) assert.match(text, /^: open\n\n/)
  })
})

test('what a killed server had written of its log is a beginning of it, without gaps', async () => {
  const server = await startWaxseal({ args: ['--no-upstream'] })
  try {
    const asked: string[] = []
    const written = () =>
      [...server.log().matchAll(/"id":"([^"]+)","method"/g)].map(([, id = '']) => id).filter((id) => asked.includes(id))
    const ask = async (): Promise<void> => {
      asked.push((await fetch(`${server.url}/simple/`)).headers.get('x-request-id') ?? '')
    }
    while (written().length < 20) await ask()
    await server.kill9()
    const kept = written()
    assert.ok(kept.length >= 20)
    assert.deepEqual(kept, asked.slice(0, kept.length))
  } finally {
    await server.stop()
  }
})

test('a reader of the log that stands still: the server goes on, and ends when it is told to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-stuck-'))
  const child = spawn(process.execPath, [MAIN, 'serve', '--data', folder, '--listen', '127.0.0.1:0', '--no-upstream'], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    let url: string | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      url = /answers at (http\S+)\//.exec(line)?.[1]
      if (url !== undefined) break
    }
    // Several pipes full, and nobody reads.
    const path = `${url}/simple/${'x'.repeat(900)}/`
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 20 }, () => fetch(path)))
    assert.equal((await fetch(`${url}/simple/`)).status, 200)
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [0, null])
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
})
