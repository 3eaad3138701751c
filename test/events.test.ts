import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { EVENT_KINDS } from '../packages/index/src/telemetry/event-log.ts'
import { until } from './support/behind-upstream.ts'
import { makeCertificate } from './support/certificate.ts'
import { cleanEnvironment, documentOf, MAIN, waxsealCommand } from './support/command.ts'
import { buildWheel } from './support/python-projects.ts'
import { startWaxseal } from './support/server.ts'
import { uploadForm } from './support/upload-form.ts'
import type { RunningServer } from './support/server.ts'

interface Told {
  readonly id: number
  readonly kind: string
  readonly actor: string | null
  readonly project: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

const file = buildWheel({ name: 'demo', version: '1.0' })
const later = buildWheel({ name: 'demo', version: '2.0' })

suite('what happens to an index is recorded, counted and told', () => {
  const parts = new AsyncDisposableStack()
  let folder: string
  let dataDir: string
  let pem: string
  let server: RunningServer

  const command = (...args: readonly string[]) => waxsealCommand([...args, '--data', dataDir, '--json'])
  const events = async (afterId = 0): Promise<readonly Told[]> =>
    (JSON.parse((await ask(`/api/v1/events?after=${afterId}&limit=1000`, admin())).text) as { events: Told[] }).events
  const admin = () => ({ authorization: `Bearer ${server.token}` })
  const newest = async (): Promise<number> => (await events()).at(-1)?.id ?? 0
  const kinds = (told: readonly Told[]): readonly string[] => told.map(({ kind }) => kind)

  /** Over TLS, trusting what the server shows: certificates are tested elsewhere. */
  const ask = async (path: string, headers: Record<string, string> = {}, body?: Blob | FormData, method = 'GET') => {
    const encoded = body === undefined ? undefined : new Response(body)
    const type = encoded?.headers.get('content-type')
    const asked = request(`${server.url}${path}`, {
      method,
      rejectUnauthorized: false,
      headers: { ...headers, ...(typeof type === 'string' ? { 'content-type': type } : {}) },
    })
    asked.end(encoded === undefined ? undefined : Buffer.from(await encoded.arrayBuffer()))
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of answer.setEncoding('utf8')) text += String(chunk)
    return { status: answer.statusCode, text }
  }
  const metric = async (name: string): Promise<number> => {
    const { text } = await ask('/metrics')
    const found = text.split('\n').find((row) => row.startsWith(`${name} `))
    assert.ok(found !== undefined, `${name} is missing`)
    return Number(found.slice(name.length))
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-events-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    dataDir = join(folder, 'data')
    const made = makeCertificate(folder, 'first', 100)
    pem = join(folder, 'served.pem')
    await copyFile(made.certificate, pem)
    await copyFile(made.key, join(folder, 'served.key'))
    const config = join(folder, 'waxseal.toml')
    await writeFile(config, '[tls]\ncertificate = "served.pem"\nkey = "served.key"\n')
    server = parts.use(await startWaxseal({ dataDir, args: ['--no-upstream', '--config', config] }))
  })
  after(() => parts.disposeAsync())

  test('a start, and at the end a stop', async () => {
    const [started] = await until(
      async () => (await events()).filter(({ kind }) => kind === 'server-started'),
      (found) => found.length > 0,
    )
    const { servers } = documentOf(await command('status')) as { servers: { id: string }[] }
    assert.equal(started?.detail['node'], servers[0]?.id)
    assert.equal(await metric('waxseal_events_total{kind="server-started"}'), 1)
    await using other = await startWaxseal({ dataDir, args: ['--no-upstream'] })
    await other.stop()
    assert.equal(kinds(await events()).filter((kind) => kind === 'server-stopped').length, 1)
    const left = documentOf(await command('status')) as { servers: { id: string }[] }
    assert.equal(left.servers.length, 1)
  })

  test('ten wrong logins: one event, one increase, the user only where there is one of that name', async () => {
    const before = await newest()
    const name = 'waxseal_events_total{kind="login-failures"}'
    assert.equal(await metric(name), 0, 'from zero, or the first would be no increase')
    const login = (user: string) => ({
      authorization: `Basic ${Buffer.from(`${user}:wrong`).toString('base64')}`,
    })
    const secret = 'my-password-typed-in-the-wrong-field'
    for (let count = 0; count < 12; count++) await ask('/api/v1/users', login(secret))
    const told = await until(
      () => events(before),
      (found) => found.length > 0,
    )
    assert.deepEqual(
      told.map(({ kind, detail }) => [kind, detail]),
      [['login-failures', { address: '127.0.0.1', user: null }]],
    )
    assert.equal(
      await until(
        () => metric(name),
        (counted) => counted > 0,
      ),
      1,
    )
    for (let count = 0; count < 12; count++) await ask('/api/v1/users', { authorization: 'Bearer wax_not-a-token' })
    await until(
      () => metric(name),
      (counted) => counted === 2,
    )
    assert.ok(!server.log().includes(secret))
  })

  test('a new certificate: status and metrics tell when it expires; one that is not good needs attention', async () => {
    const before = await newest()
    const expiry = () => metric('waxseal_certificate_expiry_timestamp_seconds')
    const first = await expiry()
    const soon = makeCertificate(folder, 'soon', 5)
    await copyFile(soon.key, join(folder, 'served.key'))
    await copyFile(soon.certificate, pem)
    server.signal('SIGHUP')
    const second = await until(expiry, (at) => at < first)
    const [told] = await until(
      () => events(before),
      (found) => found.length > 0,
    )
    assert.equal(told?.kind, 'certificate-reloaded')
    assert.equal(Date.parse(String(told?.detail['notAfter'])) / 1000, second)
    assert.equal(await metric('waxseal_certificate_problem'), 0)
    await writeFile(pem, 'no certificate')
    server.signal('SIGHUP')
    const status = await until(
      async () => JSON.parse((await ask('/api/v1/status', admin())).text) as { attention: string[] },
      ({ attention }) => attention.some((line) => line.includes('stays in use')),
    )
    assert.ok(status.attention.some((line) => line.startsWith('The TLS certificate expires at ')))
    assert.equal(
      await until(
        () => metric('waxseal_certificate_problem'),
        (found) => found === 1,
      ),
      1,
    )
  })

  test('uploads and what administrators do to files and projects', async () => {
    const before = await newest()
    assert.equal((await ask('/legacy/', admin(), uploadForm(file), 'POST')).status, 200)
    assert.equal((await ask('/legacy/', admin(), uploadForm(later), 'POST')).status, 200)
    for (const args of [
      ['release', 'yank', 'demo', '1.0', '--reason', 'broken'],
      ['release', 'unyank', 'demo', '1.0'],
      ['file', 'delete', 'demo', file.filename, '--yes'],
      ['project', 'status', 'demo', 'archived'],
    ]) {
      const { code, stderr } = await command(...args)
      assert.equal(code, 0, stderr)
    }
    const told = await events(before)
    const wanted = ['upload-accepted', 'files-yanked', 'files-unyanked', 'files-deleted', 'status-changed']
    for (const kind of [...wanted, 'authority-decided']) {
      const found = told.find((event) => event.kind === kind)
      assert.equal(found?.project, 'demo', kind)
    }
    const accepted = told.find(({ kind }) => kind === 'upload-accepted')
    assert.deepEqual([accepted?.actor, accepted?.detail['sha256']], ['admin', file.sha256])
    const uploaded = () => metric('waxseal_events_total{kind="upload-accepted"}')
    assert.equal(await until(uploaded, (counted) => counted > 0), 2)
  })

  test('a lost file that the doctor finds, and mends from the backup', async () => {
    const before = await newest()
    const where = join(folder, 'backup')
    const backup = await command('backup', where)
    assert.equal(backup.code, 0, backup.stderr)
    const { sha256 } = later
    const blob = join(dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    await rename(blob, join(folder, 'taken'))
    assert.equal((await command('doctor')).code, 1)
    const mended = await command('doctor', '--repair', '--from', where)
    assert.equal(mended.code, 0, mended.stderr)
    assert.deepEqual(kinds(await events(before)), ['backup-made', 'doctor-found', 'doctor-found', 'doctor-repaired'])
  })

  test('waxseal events: the newest by default, --follow until it is interrupted, wrong use refused', async () => {
    const all = await events()
    const few = documentOf(await command('events', '--limit', '2'))['events'] as Told[]
    assert.deepEqual(few, all.slice(-2))
    const text = await waxsealCommand(['events', '--limit', '1', '--data', dataDir])
    assert.match(text.stdout, /^\d+ {2}\d{4}-\S+Z {2}doctor-repaired {2}by operator {2}repaired=1 {2}left=0\n$/)
    for (const wrong of [
      ['--after', '-1'],
      ['--after', 'x'],
      ['--limit', '0'],
      ['--limit', '1001'],
    ]) {
      assert.equal((await command('events', ...wrong)).code, 2, wrong.join(' '))
    }
    const last = all.at(-1)?.id ?? 0
    const args = ['events', '--follow', '--json', '--data', dataDir, '--after', String(last - 1)]
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, [MAIN, ...args], {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const next = async () => JSON.parse(String((await lines.next()).value)) as Told
      assert.equal((await next()).id, last)
      const name = `user-${signal.toLowerCase()}`
      if (signal === 'SIGTERM') assert.equal((await next()).detail['user'], 'user-sigint')
      assert.equal((await command('user', 'create', name)).code, 0)
      assert.deepEqual((await next()).detail, { user: name, admin: false })
      child.kill(signal)
      assert.deepEqual(await once(child, 'exit'), [0, null])
    }
    const closed = spawn('sh', ['-c', '"$0" "$@" | head -n 1', process.execPath, MAIN, ...args], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    assert.equal((JSON.parse(String((await once(closed.stdout, 'data'))[0])) as Told).id, last)
    assert.equal((await command('user', 'create', 'one-more')).code, 0)
    assert.deepEqual(await once(closed, 'exit'), [0, null], 'ends at the next line when nobody reads')
  })

  test('only some kinds, only one project: as a list, page by page, as a stream and by the command', async () => {
    const all = await events()
    const asked = async (query: string): Promise<readonly Told[]> => {
      const { status, text } = await ask(`/api/v1/events?${query}&limit=1000`, admin())
      assert.equal(status, 200, text)
      return (JSON.parse(text) as { events: readonly Told[] }).events
    }
    const yanked = all.filter(({ kind }) => kind === 'files-yanked')
    const both = all.filter(({ kind }) => kind === 'files-yanked' || kind === 'user-created')
    assert.ok(yanked.length > 0 && both.length > yanked.length)
    assert.deepEqual(await asked('kind=files-yanked'), yanked)
    assert.deepEqual(await asked('kind=user-created&kind=files-yanked'), both)
    const demo = all.filter(({ project }) => project === 'demo')
    assert.ok(demo.length > yanked.length)
    assert.deepEqual(await asked('project=DEMO'), demo)
    assert.deepEqual(await asked('project=demo&kind=user-created'), [])
    const pages: Told[] = []
    for (;;) {
      const page = await asked(`kind=user-created&kind=files-yanked&after=${pages.at(-1)?.id ?? 0}&limit=1`)
      if (page.length === 0) break
      pages.push(...page)
    }
    assert.deepEqual(pages, both)
    for (const wrong of ['kind=unheard-of', 'kind=', 'project=-', 'project=']) {
      const { status, text } = await ask(`/api/v1/events?${wrong}`, admin())
      assert.equal(status, 400, `${wrong}: ${text}`)
    }

    const stream = request(`${server.url}/api/v1/events?after=0&kind=files-yanked`, {
      rejectUnauthorized: false,
      headers: { ...admin(), accept: 'text/event-stream' },
    }).end()
    const [answer] = (await once(stream, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of answer.setEncoding('utf8')) {
      text += String(chunk)
      if (text.split('\n\n').length > yanked.length + 1) break
    }
    const seen = [...text.matchAll(/^event: (.*)$/gm)].map(([, kind]) => kind)
    assert.deepEqual(
      seen,
      yanked.map(({ kind }) => kind),
    )

    const told = documentOf(await command('events', '--kind', 'files-yanked', '--kind', 'user-created', '--after', '0'))
    assert.deepEqual(told['events'], both.slice(0, 20))
    const newest = documentOf(await command('events', '--project', 'Demo', '--limit', '1'))
    assert.deepEqual(newest['events'], demo.slice(-1))
    assert.equal((await command('events', '--kind', 'unheard-of')).code, 2)
  })

  test('every kind is documented', () => {
    const operation = readFileSync(join(import.meta.dirname, '../docs/operation.md'), 'utf8')
    const section = operation.slice(operation.indexOf('\n## Events')).split('\n## ')[1] ?? ''
    const rows = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, kind]) => kind)
    assert.equal(rows.length, EVENT_KINDS.length)
    assert.deepEqual(new Set(rows), new Set(EVENT_KINDS))
  })
})
