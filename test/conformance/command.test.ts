import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cleanEnvironment } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { JSON_PAGE, ask, basic } from './index-under-test.ts'
import type { Page } from './index-under-test.ts'

const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/src/main.ts')

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** design.md section 13: the `waxseal` command beside a server that runs in another process. */
describe('the waxseal command beside a running server', () => {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  let folder: string
  const one = buildWheel({ name: 'demo', version: '1.0' })
  const two = buildWheel({ name: 'demo', version: '2.0' })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-command-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    server = parts.use(await startWaxseal({ args: ['--no-upstream', '--prefix', 'corp'] }))
    for (const file of [one, two]) assert.equal((await uploadFile(server, file)).status, 200)
  })
  after(() => parts.disposeAsync())

  async function waxseal(args: readonly string[], input = ''): Promise<Run> {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: cleanEnvironment(), stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.end(input)
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stdout, stderr }
  }
  const here = (...args: readonly string[]): Promise<Run> => waxseal([...args, '--data', server.dataDir, '--json'])
  const page = async (): Promise<Page> =>
    (await ask(`${server.url}/simple/demo/`, { headers: JSON_PAGE })).json() as Page
  /** The one document on standard output. */
  const said = ({ stdout }: Run): Record<string, unknown> => {
    assert.match(stdout, /^[^\n]+\n$/, 'exactly one document')
    return JSON.parse(stdout) as Record<string, unknown>
  }

  it('a yank is on the page with the very next request, and so is its end (no stale cache)', async () => {
    for (const yanked of ['first look', 'second look', undefined]) {
      await page()
      const run =
        yanked === undefined
          ? await here('release', 'unyank', 'Demo', '1.0')
          : await here('release', 'yank', 'Demo', '1.0', '--reason', yanked)
      assert.deepEqual([run.code, said(run)['changed'], run.stderr], [0, true, ''])
      const answer = await ask(`${server.url}/simple/demo/`, { headers: JSON_PAGE })
      assert.equal((answer.json() as Page).files[0]?.yanked || undefined, yanked)
      assert.equal(answer.headers['waxseal-snapshot'], String(said(run)['snapshot']))
    }
  })

  it('a status, a deletion and a claim are seen at once as well', async () => {
    assert.equal((await here('project', 'status', 'demo', 'quarantined', '--reason', 'look')).code, 0)
    assert.deepEqual((await page()).files, [])
    const address = `${server.url}/files/demo/${two.sha256}/${two.filename}`
    assert.equal((await ask(address)).status, 403)
    assert.equal((await here('project', 'status', 'demo', 'active')).code, 0)
    assert.equal((await ask(address)).status, 200)
    assert.equal((await here('file', 'delete', 'demo', two.filename, '--yes')).code, 0)
    assert.equal((await ask(address)).status, 410)
    assert.deepEqual(
      (await page()).files.map(({ filename }) => filename),
      [one.filename],
    )
    assert.equal((await ask(`${server.url}/simple/fresh/`)).status, 404)
    assert.equal((await here('project', 'claim', 'fresh')).code, 0)
    assert.equal((await ask(`${server.url}/simple/fresh/`)).status, 200)
    const again = await here('project', 'claim', 'fresh')
    assert.deepEqual([again.code, said(again)['changed']], [0, false])
  })

  it('a token works at once, and no more within seconds of being revoked', async () => {
    const made = said(await here('token', 'create', '--user', 'ci', '--scope', 'read'))
    const tokens = (): Promise<{ readonly status: number }> =>
      ask(`${server.url}/api/v1/tokens`, { headers: basic(String(made['token'])) })
    assert.equal((await tokens()).status, 200)
    const listed = said(await here('token', 'list'))['tokens'] as { id: string }[]
    assert.ok(listed.some(({ id }) => id === made['id']))
    assert.ok(!JSON.stringify(listed).includes(String(made['token'])))
    assert.equal((await here('token', 'revoke', String(made['id']))).code, 0)
    // A server remembers for a few seconds that a token was good (TOKEN_CACHE_LIFETIME).
    const deadline = AbortSignal.timeout(20_000)
    while ((await tokens()).status !== 401) deadline.throwIfAborted()
  })

  it('knows what the server was told on its command line: a prefix is explained as the server holds it', async () => {
    const explained = said(await here('why', 'corp-new'))
    assert.equal(explained['authority'], 'internal')
    assert.match(String(explained['sentence']), /under the prefix corp/)
    assert.match(String(said(await here('why', 'other'))['sentence']), /no upstream is configured/)
  })

  it('says who, why and what in `why`, `project list` and `user list`', async () => {
    assert.equal(said(await here('why', 'demo'))['authority'], 'internal')
    const lines = await waxseal(['why', 'demo', '--data', server.dataDir])
    assert.match(lines.stdout, /^demo belongs to this index\./)
    const projects = said(await here('project', 'list'))['projects'] as { name: string }[]
    assert.ok(projects.some(({ name }) => name === 'demo'))
    assert.ok(Array.isArray(said(await here('user', 'list'))['users']))
  })

  it('lists releases and files, offered or not, and shows one with everything', async () => {
    const releases = said(await here('release', 'list', 'Demo'))['releases'] as Record<string, unknown>[]
    assert.deepEqual(releases, [
      { version: '1.0', files: 1, offered: 1, yanked: false },
      { version: '2.0', files: 1, offered: 0, yanked: false },
    ])
    const lines = await waxseal(['file', 'list', 'demo', '2', '--data', server.dataDir])
    assert.match(lines.stdout, /^demo-2\.0-\S+ +2\.0 +\S+ B +local +file-deleted\n/m)
    assert.ok(!lines.stdout.includes(one.filename))
    const [file] = said(await here('file', 'show', 'demo', one.filename))['files'] as Record<string, unknown>[]
    assert.deepEqual([file?.['sha256'], file?.['stored'], file?.['withheld']], [one.sha256, true, null])
  })

  const refused: readonly (readonly [string, readonly string[], string])[] = [
    ['the releases of a name that is unknown', ['release', 'list', 'nothing'], 'not-found'],
    ['a file that a project has not', ['file', 'show', 'demo', 'demo-9.tar.gz'], 'not-found'],
    ['an unknown project', ['release', 'yank', 'nothing', '1.0'], 'not-found'],
    ['an unknown token', ['token', 'revoke', 'nothing'], 'not-found'],
    ['a user there is already', ['user', 'create', 'admin'], 'conflict'],
    ['an unknown user', ['user', 'disable', 'nobody-here'], 'not-found'],
  ]
  for (const [title, args, code] of refused) {
    it(`exits with 1 for ${title}: one document with code and sentence, the sentence for people too`, async () => {
      const run = await here(...args)
      assert.equal(run.code, 1, run.stderr)
      const { error } = said(run) as { error: { code: string; message: string } }
      assert.equal(error.code, code)
      assert.equal(run.stderr, `waxseal: ${error.message}\n`)
    })
  }

  const misused: readonly (readonly [string, readonly string[]])[] = [
    ['an unknown command', ['nonsense']],
    ['an unknown option', ['why', 'demo', '--nonsense']],
    ['a deletion without --yes', ['project', 'delete', 'demo']],
    ['a scope that is none', ['token', 'create', '--user', 'x', '--scope', 'root']],
    ['a name that is none', ['project', 'claim', 'bad!']],
    ['a time in the past', ['token', 'create', '--user', 'x', '--scope', 'read', '--expires', '2001-01-01']],
  ]
  for (const [title, args] of misused) {
    it(`exits with 2 for ${title}, and changes nothing`, async () => {
      const run = await here(...args)
      assert.equal(run.code, 2, run.stdout)
      assert.match(run.stderr, /\S/)
      assert.doesNotMatch(run.stderr, /\n +at /)
      assert.equal(typeof (said(run) as { error: { message: string } }).error.message, 'string')
    })
  }

  it('exits with 2 for a configuration that is wrong, naming file and key', async () => {
    const config = join(folder, 'wrong.toml')
    await writeFile(config, 'listenn = "x"\n')
    const run = await waxseal(['serve', '--config', config])
    assert.equal(run.code, 2)
    assert.match(run.stderr, /wrong\.toml.*listenn/s)
  })

  it('exits with 3 where there is no index, or the address is taken', async () => {
    const nowhere = await waxseal(['project', 'list', '--data', join(folder, 'empty'), '--json'])
    assert.deepEqual([nowhere.code, (said(nowhere)['error'] as { code: string }).code], [3, 'no-index'])
    const taken = await waxseal([
      'serve',
      '--data',
      join(folder, 'second'),
      '--no-upstream',
      '--listen',
      new URL(server.url).host,
    ])
    assert.equal(taken.code, 3)
    assert.match(taken.stderr, /Cannot listen on .*another program listens there/)
  })

  it('help and version exit with 0', async () => {
    for (const args of [['serve', '--help'], ['--version']]) {
      const run = await waxseal(args)
      assert.deepEqual([run.code, run.stderr], [0, ''], args.join(' '))
      assert.match(run.stdout, /\S/)
    }
  })
})

describe('the first start', () => {
  it('shows the first token at the start that succeeds, also after one that found its port taken', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-first-'))
    const data = join(folder.path, 'data')
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const env = cleanEnvironment()
    const serve = (listen: string): ChildProcess =>
      spawn(process.execPath, [MAIN, 'serve', '--data', data, '--no-upstream', '--listen', listen], {
        env,
        stdio: 'pipe',
      })
    const [code] = (await once(serve(`127.0.0.1:${port}`), 'close')) as [number | null]
    assert.equal(code, 3)
    taken.close()
    const second = serve('127.0.0.1:0')
    let said = ''
    for await (const text of second.stdout?.setEncoding('utf8') ?? []) {
      said += String(text)
      if (said.includes('/why/NAME')) break
    }
    second.kill('SIGTERM')
    assert.match(said, /Admin token, shown this once:\n\s+wax_[\w-]+\n/)
  })
})
