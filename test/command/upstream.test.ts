import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-upstream-'))

describe('waxseal upstream', () => {
  it('add writes what was the default down too, keeps the rest of the file, and refuses what would not hold', async () => {
    await using folder = await scratch()
    const file = join(folder.path, 'waxseal.toml')
    const before = '# mine\nreading = "private" # as agreed\n'
    writeFileSync(file, before, { mode: 0o640 })
    const secret = join(folder.path, 'secret')
    writeFileSync(secret, 'hunter2')
    const run = (...args: readonly string[]) => waxsealCommand(['upstream', ...args, '--json'], { cwd: folder.path })
    const added = await run(
      'add',
      'partner',
      'https://p.example/',
      '--username',
      'me',
      '--password-file',
      'secret',
      '--first',
    )
    assert.equal(added.code, 0, added.stderr)
    assert.deepEqual(documentOf(added)['upstreams'], ['partner', 'pypi'])
    const text = readFileSync(file, 'utf8')
    assert.ok(text.startsWith(before), text)
    assert.match(text, new RegExp(`password-file = "${secret}"`))
    assert.equal(statSync(file).mode & 0o777, 0o640)
    const listed = documentOf(await run('list'))['upstreams'] as Record<string, unknown>[]
    assert.deepEqual(
      listed.map(({ name, credentials, from }) => [name, credentials, from]),
      [
        ['partner', 'password', 'file'],
        ['pypi', 'none', 'file'],
      ],
    )
    const refused: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['add', 'pypi', 'https://x.example/'], 1, /an upstream pypi already/],
      [['add', 'local', 'https://x.example/'], 2, /"local" cannot name an upstream/],
      [['add', 'other', 'ftp://x.example/'], 2, /upstream\.other\.url: wants an http/],
      [['add', 'other', 'https://x.example/', '--ca-file', 'gone'], 2, /ca-file: the file .*gone cannot be read/],
      [['remove', 'other'], 1, /There is no upstream other/],
    ]
    for (const [args, code, said] of refused) {
      const outcome = await run(...args)
      assert.equal(outcome.code, code, outcome.stderr)
      assert.match(outcome.stderr, said)
    }
    assert.equal(readFileSync(file, 'utf8'), text)
  })

  it('remove leaves none behind the last, rather than PyPI', async () => {
    await using folder = await scratch()
    const run = await waxsealCommand(['upstream', 'remove', 'pypi', '--data', folder.path])
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /No upstream is asked any more\.\n.*next start/)
    const file = join(folder.path, 'waxseal.toml')
    assert.equal(readFileSync(file, 'utf8'), '# None is asked.\n[upstream]\n')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const listed = await waxsealCommand(['upstream', 'list', '--data', folder.path])
    assert.equal(listed.stdout, 'No upstream is asked.\n')
  })

  it('check says of each upstream whether it answers, and what is wrong with it', async () => {
    await using folder = await scratch()
    await using good = await startSimulator()
    const wheel = buildWheel({ name: 'pip', version: '1.0' })
    good.addProject({ name: 'pip', files: [{ filename: wheel.filename, bytes: wheel.bytes }] })
    await using listing = await startSimulator()
    listing.addAnswer('/simple/', { headers: { 'content-type': 'text/html' }, body: Buffer.from('<a href="x/">x</a>') })
    await using closed = await startSimulator({ basicAuth: { username: 'me', password: 'hunter2' } })
    await using untrusted = await startSimulator({ https: true })
    const notTls = createServer().listen(0, '127.0.0.1')
    await once(notTls, 'listening')
    const { port } = notTls.address() as AddressInfo
    const upstreams: Readonly<Record<string, readonly [string, RegExp | undefined]>> = {
      good: [good.simpleUrl, undefined],
      listing: [listing.simpleUrl, undefined],
      closed: [closed.simpleUrl, /status 401; check the credentials/],
      untrusted: [untrusted.simpleUrl, /name that authority with ca-file/],
      'not-tls': [`https://127.0.0.1:${port}/simple/`, /does not speak TLS there/],
      nobody: ['http://127.0.0.1:1/simple/', /Nothing listens there/],
      'wrong-base': [`${good.url}/other/`, /no list of projects at .*\/other\//],
      nowhere: ['http://nowhere.invalid/simple/', /host name cannot be resolved/],
    }
    const tables = Object.entries(upstreams).map(([name, [url]]) => `[upstream.${name}]\nurl = "${url}"\n`)
    writeFileSync(join(folder.path, 'waxseal.toml'), tables.join(''))
    const run = await waxsealCommand(['upstream', 'check', '--json'], { cwd: folder.path })
    notTls.close()
    assert.equal(run.code, 3, run.stderr)
    const told = documentOf(run)['upstreams'] as { name: string; ok: boolean; files?: number | null; reason?: string }[]
    assert.equal(told.length, Object.keys(upstreams).length)
    for (const { name, ok, reason = '' } of told) {
      const wrong = upstreams[name]?.[1]
      assert.equal(ok, wrong === undefined, `${name} ${reason}`)
      if (wrong !== undefined) assert.match(reason, wrong, name)
    }
    assert.deepEqual([told[0]?.files, told[1]?.files], [1, null])
    const one = await waxsealCommand(['upstream', 'check', 'good'], { cwd: folder.path })
    assert.equal(one.code, 0)
    assert.match(one.stdout, /^good: answers; pip has 1 files there \(\d+ ms\)\n$/)
  })
})
