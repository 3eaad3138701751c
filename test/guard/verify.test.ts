import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { upload } from '../clients/scene.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'

const wheel = buildWheel({ name: 'acme-app', version: '1.0' })
const sdist = buildSdist({ name: 'acme-app', version: '1.0' })

let server: RunningServer
let folder: string
/** A user who trusts the index. */
let env: NodeJS.ProcessEnv
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-verify-command-'))
  server = await startWaxseal({ args: ['--no-upstream'] })
  await upload(server, wheel)
  await upload(server, sdist)
  env = { HOME: folder, WAXSEAL_GUARD_HOME: join(folder, 'guard'), XDG_CACHE_HOME: join(folder, 'cache') }
  const added = await waxsealCommand(['trust', 'add', server.url, '--yes'], { env })
  assert.equal(added.code, 0, added.stderr)
})
after(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const verify = (args: readonly string[]) => waxsealCommand(['verify', ...args], { env, cwd: folder })
const put = (name: string, text: string | Buffer) => writeFile(join(folder, name), text)
const pinned = (...hashes: readonly string[]) =>
  `acme-app==1.0 ${hashes.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`

test('locked files that the trusted index offers are verified, with exit code 0, and nothing is installed', async () => {
  await put('requirements.txt', pinned(wheel.sha256, sdist.sha256))
  const { code, stdout, stderr } = await verify(['requirements.txt'])
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /^requirements\.txt:1 {2}acme_app-1\.0-py3-none-any\.whl {2}verified {2}(?:signed|pinned since)/m,
  )
  assert.match(
    stdout,
    /All 2 files are offered with the same sha256 \(http:\/\/127\.0\.0\.1:\d+, snapshot \d+, signed \d+ s ago\)/,
  )
})

test('one hash that is not offered is exit code 1; --json is one document with a verdict for each file', async () => {
  await put('requirements.txt', pinned(wheel.sha256, 'e'.repeat(64)))
  const run = await verify(['--json', 'requirements.txt'])
  assert.equal(run.code, 1)
  const document = documentOf(run) as {
    index: string
    ok: boolean
    locks: readonly { verdicts: readonly { code: string; filename?: string }[] }[]
  }
  assert.deepEqual([document.index, document.ok], [server.url, false])
  assert.deepEqual(
    document.locks[0]?.verdicts.map(({ code, filename }) => [filename, code]),
    [
      [wheel.filename, 'verified'],
      [undefined, 'not-offered'],
    ],
  )
})

test('a folder of files is hashed; one byte more is told with both hashes', async () => {
  await mkdir(join(folder, 'dist'))
  await put(`dist/${wheel.filename}`, wheel.bytes)
  assert.equal((await verify(['dist'])).code, 0)
  await put(`dist/${sdist.filename}`, Buffer.concat([sdist.bytes, Buffer.from('!')]))
  const { code, stdout } = await verify(['dist'])
  assert.equal(code, 1)
  assert.match(stdout, new RegExp(`hash-differs .*${sdist.sha256}`))
})

test('a lock that cannot be read is exit code 1, and so is an index that nobody trusts', async () => {
  await put('uv.lock', 'version = 2\n')
  const unread = await verify(['uv.lock'])
  assert.equal(unread.code, 1)
  assert.match(unread.stderr, /uv\.lock cannot be read as a lock/)
  await put('requirements.txt', pinned(wheel.sha256))
  const untrusted = await verify(['--trust', 'http://127.0.0.1:9', 'requirements.txt'])
  assert.equal(untrusted.code, 1)
  assert.match(untrusted.stderr, /trust add/)
})

test('without the index, what was verified before still does, and is said to be old; all else is exit code 3', async () => {
  const another = { ...env, WAXSEAL_GUARD_HOME: join(folder, 'another'), XDG_CACHE_HOME: join(folder, 'another-cache') }
  assert.equal((await waxsealCommand(['trust', 'add', server.url, '--yes'], { env: another })).code, 0)
  await put('requirements.txt', pinned(wheel.sha256))
  assert.equal((await verify(['requirements.txt'])).code, 0)
  await server.stop()
  const kept = await verify(['requirements.txt'])
  assert.equal(kept.code, 0, kept.stderr)
  assert.match(kept.stdout, /the index was not asked \(offline\)/)
  const gone = await waxsealCommand(['verify', '--json', 'requirements.txt'], { env: another, cwd: folder })
  assert.equal(gone.code, 3, gone.stdout)
  const { error } = documentOf(gone) as { error: { code: string } }
  assert.equal(error.code, 'index-unreachable')
})
