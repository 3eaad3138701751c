import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { addressOf, until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import type { RunningServer } from '../support/server.ts'
import { startWaxseal } from '../support/server.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'

/** Root goes by no mode: the server runs as root without that right, and so owns what it made. */
const THROUGH =
  userInfo().uid === 0 ? { through: ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] } : undefined
const missing = THROUGH !== undefined && spawnSync('setpriv', ['--version']).status !== 0
const options = { skip: missing && !process.env['CI'] ? 'setpriv (util-linux) is not here' : false }

const codeOf = (reply: Reply): string => {
  const { code, reason } = JSON.parse(reply.body.toString()) as { code: string; reason?: string }
  return reason ?? code
}

const upload = (server: RunningServer, file: Distribution): Promise<Reply> => {
  const { body, contentType } = multipart(file)
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType, accept: 'application/json' }
  return ask(`${server.url}/legacy/`, { method: 'POST', headers, body })
}

const wheel = (version: string): Distribution =>
  buildWheel({ name: 'inside', version, module: randomBytes(200_000).toString('hex') })

void test(
  'folders that lose their permissions: refused with a code, the log names the path, and it heals',
  options,
  async () => {
    await using parts = new AsyncDisposableStack()
    const server = parts.use(await startWaxseal({ args: ['--no-upstream'], ...THROUGH }))
    const { dataDir } = server
    const kept = wheel('1.0')
    assert.equal((await upload(server, kept)).status, 200)
    const file = () => ask(`${server.url}${addressOf('inside', kept)}`)
    const page = () => ask(`${server.url}/simple/inside/`)
    let version = 1
    const cases = [
      { folder: 'blobs', mode: 0o000, reads: false, writes: false },
      { folder: 'blobs', mode: 0o555, reads: true, writes: false },
      { folder: 'spool', mode: 0o555, reads: true, writes: false },
      { folder: 'spool', mode: 0o000, reads: true, writes: false },
      { folder: '', mode: 0o000, reads: false, writes: false },
      { folder: '', mode: 0o555, reads: true, writes: true },
      // Open already: it takes effect at the next start.
      { folder: 'waxseal.db', mode: 0o000, reads: true, writes: true },
    ]
    for (const { folder, mode, reads, writes } of cases) {
      const what = `${folder || 'the data folder'} at ${mode.toString(8)}`
      const path = join(dataDir, folder)
      const said = server.log().length
      const before = folder === 'waxseal.db' ? 0o600 : 0o700
      await chmod(path, mode)
      try {
        assert.equal((await ask(`${server.url}/-/health`)).status, 200, what)
        const download = await file()
        if (reads) assert.ok(download.body.equals(kept.bytes), what)
        else assert.deepEqual([download.status, codeOf(download)], [503, 'storage-unavailable'], what)
        assert.equal((await page()).status, 200, `${what}: what is in memory is served`)
        const added = await upload(server, wheel(`${++version}.0`))
        if (writes) assert.equal(added.status, 200, `${what}: ${added.reason}`)
        else {
          assert.deepEqual([added.status, codeOf(added)], [503, 'storage-unavailable'], what)
          const log = await until(
            async () => server.log().slice(said),
            (text) => text.includes(path) && text.includes('again; a running server needs no restart'),
          )
          assert.ok(log.includes(path), `${what}: the log names it`)
          assert.match(log, /\(EACCES\)\. Give the user that runs Waxseal \(uid \d+\) access to it again/, what)
        }
      } finally {
        await chmod(path, before)
      }
      assert.ok((await file()).body.equals(kept.bytes), `${what}: healed`)
      assert.equal((await upload(server, wheel(`${++version}.0`))).status, 200, `${what}: healed`)
    }
    await assertSoundStorage(dataDir)
  },
)

void test('a start without permissions says which path and what to do, and exits with 3', options, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-permissions-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  const made = await startWaxseal({ dataDir, args: ['--no-upstream'], ...THROUGH })
  assert.equal((await upload(made, wheel('1.0'))).status, 200)
  assert.equal(await made.stop(), 0)
  await mkdir(join(folder, 'closed'))
  const cases = [
    { path: join(dataDir, 'waxseal.db'), mode: 0o000, says: /waxseal\.db/ },
    { path: join(dataDir, 'waxseal.db'), mode: 0o400, says: /waxseal\.db/ },
    { path: join(dataDir, 'spool'), mode: 0o000, says: /spool/ },
    { path: dataDir, mode: 0o000, says: /data/ },
    { path: join(folder, 'closed'), mode: 0o555, data: join(folder, 'closed', 'new'), says: /closed\/new/ },
  ]
  for (const { path, mode, data = dataDir, says } of cases) {
    await chmod(path, mode)
    const start = startWaxseal({ dataDir: data, args: ['--no-upstream'], ...THROUGH })
    try {
      await assert.rejects(start, (error) => {
        assert.ok(error instanceof Error)
        assert.match(error.message, /exited with 3 before it was ready:\nwaxseal: /)
        assert.match(error.message, says)
        assert.match(error.message, /uid \d+/)
        assert.doesNotMatch(error.message, /\n\s+at [^\n]*packages\//)
        return true
      })
    } finally {
      await chmod(path, path.endsWith('.db') ? 0o600 : 0o700)
    }
  }
  await using again = await startWaxseal({ dataDir, args: ['--no-upstream'], ...THROUGH })
  assert.equal((await ask(`${again.url}/simple/inside/`)).status, 200)
})
