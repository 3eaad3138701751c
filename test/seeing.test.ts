import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { REFUSAL_LINES_PER_MINUTE } from '../packages/index/src/limits.ts'
import { METRICS } from '../packages/index/src/telemetry/metric-definitions.ts'
import { until } from './support/behind-upstream.ts'
import { openSocket } from './support/raw-socket.ts'
import { runWaxseal, startWaxseal } from './support/server.ts'
import type { RunningServer } from './support/server.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Line {
  readonly msg: string
  readonly id?: string
  readonly path?: string
  readonly code?: string
  readonly route?: string
  readonly client?: string
  readonly user?: string
  readonly agent?: string
}

const lines = (log: string): readonly Line[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => JSON.parse(line) as Line)

/** The first line that fits, once the server has written it. */
async function line(server: RunningServer, fits: (line: Line) => boolean): Promise<Line> {
  const deadline = AbortSignal.timeout(30_000)
  for (;;) {
    const found = lines(server.log()).find(fits)
    if (found !== undefined) return found
    deadline.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Metrics that were made after this was asked: they are made once a second at most. */
async function freshMetrics(server: RunningServer): Promise<string> {
  const scrape = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text()
  const known = await scrape()
  return await until(scrape, (text) => text !== known)
}

function metricOf(text: string, metric: string): number {
  const row = text.split('\n').find((line) => line.startsWith(`${metric} `))
  return Number(row?.slice(metric.length) ?? 0)
}

suite('a running server can be seen', () => {
  let server: RunningServer
  const admin = () => ({ authorization: `Bearer ${server.token}` })

  before(async () => {
    server = await startWaxseal({ args: ['--no-upstream'] })
  })
  after(() => server.stop())

  test('each request is one line, found by the id that its answer carried', async () => {
    const answer = await fetch(`${server.url}/simple/absent/`, { headers: { 'x-request-id': 'chosen-by-a-stranger' } })
    const id = answer.headers.get('x-request-id')
    assert.ok(id !== null && id !== 'chosen-by-a-stranger')
    const found = await line(server, (logged) => logged.id === id)
    assert.deepEqual(
      [found.msg, found.route, found.path, found.code, found.client],
      ['request', '/simple/{project}/', '/simple/absent/', 'not-found', '127.0.0.1'],
    )
    const { status } = await fetch(`${server.url}/api/v1/users`, { headers: admin() })
    assert.equal(status, 200)
    assert.equal((await line(server, ({ route }) => route === '/api/v1/users')).user, 'admin')
    await fetch(`${server.url}/api/v1/projects/absent`)
    assert.equal(
      (await line(server, ({ path }) => path === '/api/v1/projects/absent')).route,
      '/api/v1/projects/{project}',
    )
  })

  test('what no handler sees is a line and a count too', async () => {
    const before = await freshMetrics(server)
    const head = 'GET /simple/ HTTP/1.1\r\nConnection: close\r\n'
    const requests = 'waxseal_http_requests_total'
    const cases = [
      [
        2,
        `${head}Host: x\r\n${'a:\r\n'.repeat(150)}`,
        431,
        `${requests}{route="other",status="4xx",code="too-many-headers"}`,
        { msg: 'request', code: 'too-many-headers' },
      ],
      [
        3,
        head,
        400,
        `${requests}{route="other",status="4xx",code="bad-request"}`,
        { msg: 'request', code: 'bad-request' },
      ],
      [
        4,
        `${head}Host: x\r\nExpect: foo\r\n`,
        200,
        `${requests}{route="/simple/",status="2xx",code=""}`,
        { msg: 'request', path: '/simple/' },
      ],
      [
        5,
        `${head}X-Large: ${'a'.repeat(20_000)}\r\n`,
        431,
        'waxseal_connections_refused_total{reason="headers-too-large"}',
        { msg: 'connection refused', reason: 'headers-too-large', status: 431 },
      ],
      [
        6,
        'GARBAGE\r\n',
        400,
        'waxseal_connections_refused_total{reason="not-http"}',
        { msg: 'connection refused', reason: 'not-http', status: 400 },
      ],
    ] as const
    for (const [from, sent, status, , fields] of cases) {
      const { socket, closed } = openSocket(server.url, `127.0.0.${from}`)
      socket.write(`${sent}\r\n`)
      const answer = await closed
      assert.equal(Number(answer.slice(9, 12)), status)
      const found = await line(server, ({ client }) => client === `127.0.0.${from}`)
      assert.partialDeepStrictEqual(found, fields)
      if (found.msg === 'request') assert.equal(/^x-request-id: (.*)\r$/im.exec(answer)?.[1], found.id)
    }
    const now = await freshMetrics(server)
    for (const [, , , metric] of cases) assert.equal(metricOf(now, metric) - metricOf(before, metric), 1, metric)
    assert.equal(metricOf(now, 'waxseal_connections{state="busy"}'), 1, 'the one that asks')
  })

  test('of what strangers can send without end, so many lines a minute are written, and all is counted', async () => {
    const send = async (): Promise<void> => {
      const { socket, closed } = openSocket(server.url, '127.0.0.7')
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
      await closed
    }
    const counted = async (): Promise<number> =>
      metricOf(await freshMetrics(server), 'waxseal_connections_refused_total{reason="not-http"}')
    const before = await counted()
    for (let at = 0; at < 2 * REFUSAL_LINES_PER_MINUTE; at++) await send()
    assert.equal((await counted()) - before, 2 * REFUSAL_LINES_PER_MINUTE)
    const last = await fetch(`${server.url}/why/written-after-them`)
    await line(server, ({ id }) => id === last.headers.get('x-request-id'))
    const written = lines(server.log()).filter(({ client }) => client === '127.0.0.7').length
    assert.ok(written > 0 && written <= REFUSAL_LINES_PER_MINUTE, `${written} lines`)
  })

  test('no line can be forged and no terminal driven by what strangers send (attacks.md LOG)', async () => {
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    const target = '/simple/%1b%5b2J%0a"{"level":"error"}/?x'
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nUser-Agent: evil\t\u009b2J\r\nConnection: close\r\n\r\n`,
      'latin1',
    )
    socket.resume()
    await once(socket, 'close')
    const found = await line(server, ({ agent }) => agent?.startsWith('evil') === true)
    assert.equal(found.agent, 'evil%09%9B2J')
    assert.equal(found.path, '/simple/%1b%5b2J%0a"{"level":"error"}/')
    assert.doesNotMatch(server.log(), /[\u0080-\u009f\u001b]/)
  })

  test('no secret is written, wherever it came in', async () => {
    const { token } = JSON.parse(
      await runWaxseal(['token', 'create', '--data', server.dataDir, '--user', 'ci', '--scope', 'upload', '--json']),
    ) as { token: string }
    const secrets = [token, server.token, 'a-password-of-somebody', 'cookie-value-1234', 'query-value-1234']
    const basic = Buffer.from(`ci:a-password-of-somebody`).toString('base64')
    const paths = [
      `/simple/${token}/`,
      `/simple/${server.token}/`,
      `/why/${token}`,
      `/api/v1/tokens/${token}`,
      '/simple/?token=query-value-1234',
      `/files/a/${'0'.repeat(64)}/${token}`,
    ]
    for (const path of paths) {
      const headers = { authorization: `Basic ${basic}`, cookie: 'session=cookie-value-1234' }
      await fetch(`${server.url}${path}`, { headers, redirect: 'follow' })
      await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` }, method: 'POST' })
    }
    const form = new FormData()
    form.set(':action', 'file_upload')
    form.set('name', token)
    await fetch(`${server.url}/legacy/`, { method: 'POST', body: form, headers: { authorization: `Bearer ${token}` } })
    const last = await fetch(`${server.url}/why/the-last-one`)
    await line(server, ({ id }) => id === last.headers.get('x-request-id'))
    for (const secret of [...secrets, basic]) assert.ok(!server.log().includes(secret), secret)
  })

  test('metrics: what is documented is what is served, and what dashboard and alerts ask for', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const served = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
    assert.deepEqual(served, new Set(Object.keys(METRICS)))
    const rows = [...read('docs/operation.md').matchAll(/^\| `((?:waxseal|process|nodejs)_\w+)` \|/gm)]
    assert.deepEqual(new Set(rows.map(([, name]) => name)), served)
    const asked = `${read('deploy/grafana-dashboard.json')}\n${read('deploy/prometheus-alerts.yml')}`
    const names = asked.match(/\b(?:waxseal|process|nodejs)_\w+/g) ?? []
    assert.ok(names.length > 40)
    for (const name of names) assert.ok(served.has(name.replace(/_bucket$/, '')), name)
    assert.doesNotMatch(text, /the-last-one/, 'no name is in a label')
    JSON.parse(read('deploy/grafana-dashboard.json'))
  })

  test('metrics are made once for all who scrape in the same second', async () => {
    const scrape = async () => (await fetch(`${server.url}/metrics`)).text()
    const [one, other] = await until(
      async () => [await scrape(), await scrape()],
      ([first, second]) => first === second,
    )
    assert.equal(one, other)
  })

  test('events: a stream shows what a command does beside the server, and goes on where it was left', async () => {
    const url = `${server.url}/api/v1/events`
    assert.equal((await fetch(url)).status, 401)
    const headers = { ...admin(), accept: 'text/event-stream' }
    const stream = await fetch(url, { headers })
    assert.equal(stream.headers.get('content-type'), 'text/event-stream')
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    assert.match((await reader?.read())?.value ?? '', /^: open/)
    await runWaxseal(['user', 'create', 'alice', '--data', server.dataDir])
    let seen = ''
    while (!seen.includes('user-created')) seen += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    const id = Number(/^id: (\d+)$/m.exec(seen)?.[1])
    await runWaxseal(['user', 'disable', 'alice', '--data', server.dataDir])
    const { events } = (await (await fetch(`${url}?after=${id}`, { headers: admin() })).json()) as {
      events: { kind: string; actor: string }[]
    }
    assert.deepEqual(
      events.map(({ kind, actor }) => [kind, actor]),
      [['user-disabled', 'operator']],
    )
    const resumed = await fetch(url, { headers: { ...headers, 'last-event-id': String(id) } })
    const again = resumed.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('user-disabled')) text += (await again?.read())?.value ?? ''
    assert.equal(text.match(/^id: /gm)?.length, 1)
    await again?.cancel()
  })

  test('waxseal status and /api/v1/status name the running server and what needs attention', async () => {
    const status = JSON.parse(await runWaxseal(['status', '--data', server.dataDir, '--json'])) as {
      servers: { id: string }[]
      attention: string[]
    }
    assert.deepEqual([status.servers.length, status.attention], [1, []])
    const text = await runWaxseal(['status', '--data', server.dataDir])
    for (const printed of text.split('\n')) assert.ok(printed.length <= 80, printed)
    const served = (await (await fetch(`${server.url}/api/v1/status`, { headers: admin() })).json()) as typeof status
    assert.equal(served.servers[0]?.id, status.servers[0]?.id)
    assert.equal((await fetch(`${server.url}/api/v1/status`)).status, 401)
  })
})

test('a server whose standard error is full or closed lives on', async () => {
  const server = await startWaxseal({ args: ['--no-upstream'] })
  const dataDir = server.dataDir
  try {
    const main = join(ROOT, 'packages/waxseal/bin/waxseal.js')
    for (const stderr of ['/dev/full', '&-']) {
      const child = spawn(
        'sh',
        [
          '-c',
          `exec "$0" "$@" 2>${stderr}`,
          process.execPath,
          main,
          'serve',
          '--data',
          `${dataDir}-x`,
          '--listen',
          '127.0.0.1:0',
          '--no-upstream',
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const said = child.stdout.setEncoding('utf8')
      let text = ''
      while (!/answers at (http\S+)\//.test(text)) text += String((await once(said, 'data'))[0])
      const [, url = ''] = /answers at (http\S+)\//.exec(text) ?? []
      for (let count = 0; count < 20; count++) assert.equal((await fetch(`${url}/simple/`)).status, 200)
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  } finally {
    await server.stop()
  }
})

test('as text a request is one short line, without anything of its own', async () => {
  await using server = await startWaxseal({ args: ['--no-upstream'], env: { WAXSEAL_LOG_FORMAT: 'text' } })
  const { socket, closed } = openSocket(server.url, '127.0.0.2')
  socket.write('GET /simple/%1b%5b2J/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await closed
  const found = await until(
    async () => /^.* 127\.0\.0\.2$/m.exec(server.log())?.[0] ?? '',
    (text) => text !== '',
  )
  assert.match(found, /^[\d:.]{12} 4\d\d GET \/simple\/%1b%5b2J\/ [\d.]+ms \d+B \S+ 127\.0\.0\.2$/)
})
