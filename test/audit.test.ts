import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { until } from './support/behind-upstream.ts'
import { cleanEnvironment, documentOf, MAIN, waxsealCommand } from './support/command.ts'
import { buildWheel } from './support/python-projects.ts'
import { startWaxseal } from './support/server.ts'
import type { RunningServer } from './support/server.ts'
import { uploadForm } from './support/upload-form.ts'

/** A request: from where, with which token. */
interface Asked {
  readonly from?: string
  readonly token?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: FormData | string
}

interface Told {
  readonly id: number
  readonly at: string
  readonly actor: string | null
  readonly credential: string | null
  readonly address: string | null
  readonly action: string
  readonly subject: string | null
  readonly before: unknown
  readonly after: unknown
  readonly hash: string
}

const demo = buildWheel({ name: 'demo', version: '1.0' })
/** Of two people behind the proxy, who each come from an address of their own. */
const [ONE, OTHER] = ['198.51.100.7', '2001:db8::7']
const PASSWORD = 'correct horse battery staple'

suite('who did what is kept in a chain (attacks.md LOG/AUDIT)', () => {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  const tokens = new Map<string, { readonly id: string; readonly token: string }>()

  const command = (...args: readonly string[]) => waxsealCommand([...args, '--data', server.dataDir])
  const ask = async (path: string, { from = ONE, token = server.token, headers, ...init }: Asked = {}) => {
    const sent = { 'x-forwarded-for': from, authorization: `Bearer ${token}`, ...headers }
    return await fetch(`${server.url}${path}`, { ...init, headers: sent })
  }
  const send = (path: string, method: string, body: unknown, who: Asked = {}) =>
    ask(path, { ...who, method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  const audit = async (query = 'limit=1000'): Promise<readonly Told[]> => {
    const answer = await ask(`/api/v1/audit?${query}`)
    assert.equal(answer.status, 200)
    return ((await answer.json()) as { records: Told[] }).records
  }
  const newest = async (): Promise<number> => (await audit()).at(-1)?.id ?? 0
  /** What was recorded since, without what differs from run to run. */
  const since = async (id: number) =>
    (await audit(`after=${id}`)).map(({ actor, credential, address, action, subject }) => [
      action,
      subject,
      actor,
      credential,
      address,
    ])

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-audit-'))
    parts.defer(() => rm(folder, { recursive: true }))
    const env = { WAXSEAL_TRUSTED_PROXIES: '127.0.0.1' }
    server = parts.use(await startWaxseal({ dataDir: join(folder, 'data'), args: ['--no-upstream'], env }))
    for (const name of ['anna', 'otto']) {
      assert.equal((await send('/api/v1/users', 'POST', { name, admin: true, password: PASSWORD })).status, 201)
      const made = await send('/api/v1/tokens', 'POST', { user: name, scope: 'admin' })
      tokens.set(name, (await made.json()) as { id: string; token: string })
    }
  })
  after(() => parts.disposeAsync())

  const anna = () => ({ from: ONE, token: tokens.get('anna')?.token ?? '' })
  const otto = () => ({ from: OTHER, token: tokens.get('otto')?.token ?? '' })

  test('two people with a token each, and one of them with a password: each action is theirs', async () => {
    const start = await newest()
    const [annas, ottos] = [tokens.get('anna')?.id, tokens.get('otto')?.id]
    assert.equal((await ask('/legacy/', { ...anna(), method: 'POST', body: uploadForm(demo) })).status, 200)
    const yank = '/api/v1/projects/demo/releases/1.0/yank'
    assert.equal((await send(yank, 'PUT', { reason: 'broken' }, otto())).status, 200)
    const basic = `Basic ${Buffer.from(`anna:${PASSWORD}`).toString('base64')}`
    const unyank = await ask(yank, { method: 'DELETE', headers: { authorization: basic } })
    assert.equal(unyank.status, 200)
    assert.equal((await send('/api/v1/projects/demo/status', 'PUT', { status: 'archived' }, otto())).status, 200)
    assert.equal((await ask('/api/v1/projects/demo', { ...anna(), method: 'DELETE' })).status, 200)
    assert.equal((await ask(`/api/v1/tokens/${annas}`, { ...otto(), method: 'DELETE' })).status, 200)
    assert.deepEqual(await since(start), [
      ['authority-decided', 'demo', 'anna', annas, ONE],
      ['upload-accepted', 'demo', 'anna', annas, ONE],
      ['files-yanked', 'demo', 'otto', ottos, OTHER],
      ['files-unyanked', 'demo', 'anna', 'password', ONE],
      ['status-changed', 'demo', 'otto', ottos, OTHER],
      ['files-deleted', 'demo', 'anna', annas, ONE],
      ['token-revoked', annas, 'otto', ottos, OTHER],
    ])
    const states = (await audit(`after=${start}`)).map(({ before: then, after: now }) => [then, now])
    const { filename, version, sha256, bytes } = demo
    const yanked = (reason?: string) => ({
      count: 1,
      files: [{ filename, yanked: reason !== undefined, ...(reason === undefined ? {} : { reason }) }],
    })
    assert.deepEqual(states.slice(1, 6), [
      [null, { filename, version, sha256, size: bytes.length }],
      [yanked(), yanked('broken')],
      [yanked('broken'), yanked()],
      [
        { status: 'active', reason: null },
        { kind: 'status', status: 'archived', reason: null },
      ],
      [yanked(), null],
    ])
  })

  test('what is refused, or changes nothing, leaves no record; a login that succeeds neither', async () => {
    const start = await newest()
    assert.equal((await send('/api/v1/projects/nothing/status', 'PUT', { status: 'archived' }, otto())).status, 404)
    assert.equal((await send('/api/v1/projects/demo/status', 'PUT', { status: 'archived' }, otto())).status, 200)
    assert.equal((await ask('/api/v1/users', otto())).status, 200)
    const reader = await server.createToken({ scope: 'read', user: 'reader' })
    const made = await newest()
    assert.equal((await ask('/api/v1/projects/demo', { token: reader, method: 'DELETE' })).status, 403)
    assert.deepEqual(
      (await since(start)).map(([action]) => action),
      ['user-created', 'token-created'],
    )
    assert.deepEqual(await since(made), [])
  })

  test('the command line is the operator, without a credential or an address', async () => {
    const start = await newest()
    for (const args of [
      ['project', 'claim', 'billing'],
      ['user', 'password', 'anna'],
    ]) {
      assert.equal((await command(...args)).code, 0)
    }
    assert.deepEqual(await since(start), [
      ['authority-decided', 'billing', 'operator', null, null],
      ['password-changed', 'anna', 'operator', null, null],
    ])
  })

  test('a user who is kept out after failed logins, with the address; an address without a user is an event only', async () => {
    const start = await newest()
    const attempt = (user: string, from: string) =>
      ask('/api/v1/users', {
        from,
        headers: { authorization: `Basic ${Buffer.from(`${user}:wrong`).toString('base64')}` },
      })
    const failures = async () => {
      const answer = await ask('/api/v1/events?limit=1000')
      const { events } = (await answer.json()) as { events: readonly { kind: string }[] }
      return events.filter(({ kind }) => kind === 'login-failures').length
    }
    const [known, unknown] = ['203.0.113.1', '203.0.113.2']
    for (let count = 0; count < 12; count++) await attempt('otto', known)
    for (let count = 0; count < 12; count++) await attempt('no such user', unknown)
    await until(failures, (told) => told === 2)
    assert.deepEqual(await since(start), [['login-failures', 'otto', null, null, known]])
  })

  test('answers an administrator page by page and by what is asked for, and refuses what makes no sense', async () => {
    const all = await audit()
    const pages: Told[] = []
    for (let last = 0; ; last = pages.at(-1)?.id ?? 0) {
      const page = await audit(`limit=3&after=${last}`)
      if (page.length === 0) break
      pages.push(...page)
    }
    assert.deepEqual(pages, all)
    const [first] = all
    assert.deepEqual(await audit(`since=${first?.at}&limit=1`), [first])
    assert.deepEqual(
      (await audit('actor=otto&subject=demo&action=status-changed')).map(({ address }) => address),
      [OTHER],
    )
    for (const wrong of [
      'limit=0',
      'limit=1001',
      'after=-1',
      'after=x',
      'since=yesterday',
      'who=otto',
      'actor=a%0Ab',
    ]) {
      assert.equal((await ask(`/api/v1/audit?${wrong}`)).status, 400, wrong)
    }
    const described = (await (await ask('/api/v1/openapi.json')).json()) as {
      paths: Record<string, { get: { parameters: { name: string; in: string }[] } }>
    }
    assert.deepEqual(
      described.paths['/audit']?.get.parameters.map((one) => [one.name, one.in]),
      ['after', 'limit', 'since', 'actor', 'subject', 'action'].map((name) => [name, 'query']),
    )
  })

  test('waxseal audit list: the newest, as one document or a line each, and only what is asked for', async () => {
    const document = documentOf(await command('audit', 'list', '--limit', '2', '--json'))
    assert.deepEqual(document['records'], (await audit()).slice(-2))
    const { stdout } = await command('audit', 'list', '--actor', 'otto', '--action', 'files-yanked')
    assert.match(
      stdout,
      new RegExp(
        `^\\d+ {2}\\S+Z {2}files-yanked {2}by otto \\(${tokens.get('otto')?.id}, ${OTHER}\\) {2}demo {2}before=\\{.*\\} {2}after=\\{.*\\}\\n$`,
      ),
    )
    const day = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
    assert.deepEqual(documentOf(await command('audit', 'list', '--since', day, '--json')), { records: [] })
    for (const wrong of [
      ['list', '--since', '2027-02-31'],
      ['list', '--limit', '0'],
      ['export', '--after', 'x'],
      ['verify', '--head', 'abc'],
    ]) {
      assert.equal((await command('audit', ...wrong)).code, 2, wrong.join(' '))
    }
  })

  test('waxseal audit export and verify: what was exported proves what was cut off', async () => {
    const exported = await command('audit', 'export')
    const lines = exported.stdout.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as Told),
      await audit(),
    )
    let prev: string | null = null
    for (const line of lines) {
      const [text = '', hash = ''] = line.split(/,"hash":"|"\}$/)
      assert.equal(createHash('sha256').update(`${text}}`).digest('hex'), hash, 'recomputed from the line alone')
      assert.equal((JSON.parse(line) as { prev: string | null }).prev, prev)
      prev = hash
    }
    const head = String(prev)
    const rest = await command('audit', 'export', '--after', String(lines.length - 1))
    assert.equal(rest.stdout, `${lines.at(-1)}\n`)
    const args = ['-c', '"$0" "$@" > /dev/full', process.execPath, MAIN, 'audit', 'export', '--data', server.dataDir]
    const full = spawn('sh', args, { env: cleanEnvironment(), stdio: ['ignore', 'inherit', 'pipe'] })
    let said = ''
    full.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    assert.deepEqual(await once(full, 'close'), [3, null])
    assert.match(said, /^waxseal: What there is to say could not be written \(ENOSPC\)\.\n$/)
    assert.deepEqual(documentOf(await command('audit', 'verify', '--head', head, '--json')), {
      holds: true,
      records: lines.length,
      head,
    })
    await server.stop()
    const database = new DatabaseSync(join(server.dataDir, 'waxseal.db'))
    const forge = (sql: string): void => database.exec(sql)
    assert.throws(() => forge('delete from audit where id = 3'), /append-only/)
    // Whoever holds the file can take even that away.
    for (const change of ['update', 'delete', 'replace']) forge(`drop trigger audit_no_${change}`)
    forge(`delete from audit where id = ${lines.length}`)
    assert.equal((await command('audit', 'verify')).code, 0, 'nobody misses an end')
    const cut = await command('audit', 'verify', '--head', head)
    assert.deepEqual([cut.code, new RegExp(`record ${lines.length}: .*end is missing`).test(cut.stdout)], [1, true])
    forge("update audit set address = '192.0.2.99' where id = 2")
    database.close()
    const changed = await command('audit', 'verify', '--json')
    assert.equal(changed.code, 1)
    const found = JSON.parse(changed.stdout) as { holds: boolean; id: number }
    assert.deepEqual([found.holds, found.id], [false, 2])
    const doctor = await command('doctor', '--json')
    assert.equal(doctor.code, 1)
    const { counts } = JSON.parse(doctor.stdout) as { counts: Record<string, number> }
    assert.equal(counts['audit-broken'], 1)
  })

  test('a start that changes whose names are whose', async () => {
    const config = join(server.dataDir, 'other.toml')
    await writeFile(config, 'reading = "private"\n')
    await using other = await startWaxseal({
      dataDir: server.dataDir,
      args: ['--no-upstream', '--config', config],
    })
    await other.stop()
    const meaning = { prefixes: [], upstreams: [], policy: { unclaimed: [], cooldown: 0, approvals: 1 } }
    const [changed] = documentOf(await command('audit', 'list', '--action', 'configuration-changed', '--json'))[
      'records'
    ] as Told[]
    assert.deepEqual(
      [changed?.actor, changed?.before, changed?.after],
      [null, { ...meaning, reading: 'public' }, { ...meaning, reading: 'private' }],
    )
  })
})
