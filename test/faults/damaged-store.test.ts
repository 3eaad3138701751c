import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertSuccess, terminal, upload, workFolder } from '../clients/scene.ts'
import { startBehind, until } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

const scratch = mkdtempSync(join(tmpdir(), 'waxseal-damage-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const SMALL = 10_000
/** More than what the server checks by itself when it sends it. */
const LARGE = 300_000

const blobPath = (dataDir: string, sha256: string): string =>
  join(dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)

const remove = (path: string): void => rmSync(path)
const truncate = (path: string): void => truncateSync(path, 7)
/** A failing disk: other bytes, in place, as many. */
const alter = (path: string): void => writeFileSync(path, randomBytes(readFileSync(path).length))

interface Told {
  readonly code: string
  readonly what: string
  readonly repair?: { readonly done: boolean; readonly how: string }
}

/** What `waxseal doctor` says of a data folder, and with which exit code. */
const doctor = async (dataDir: string, ...args: readonly string[]) => {
  const run = await waxsealCommand(['doctor', '--data', dataDir, '--json', ...args])
  const findings = documentOf(run)['findings'] as readonly Told[] | undefined
  assert.ok(findings, run.stderr)
  // What else is said is about this machine.
  return {
    code: run.code,
    findings: findings.filter(({ code }) => code.startsWith('blob-') || code.startsWith('page-')),
  }
}

const storedFiles = (dataDir: string): number => {
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'), { readOnly: true })
  try {
    return Number(database.prepare('select count(*) as count from file where stored = 1').get()?.['count'])
  } finally {
    database.close()
  }
}

void test('a blob of an upstream file that is missing, truncated or altered is fetched again at once', async () => {
  await using behind = await startBehind()
  const { dataDir } = behind.server
  const cases = [
    ['missing', SMALL, remove],
    ['missing-large', LARGE, remove],
    ['truncated', SMALL, truncate],
    ['truncated-large', LARGE, truncate],
    ['altered', SMALL, alter],
  ] as const
  for (const [project, size, damage] of cases) {
    const file = { filename: `${project.replace('-', '_')}-1.0-py3-none-any.whl`, bytes: randomBytes(size) }
    behind.upstream.addProject({ name: project, files: [file] })
    await behind.page(project)
    const before = storedFiles(dataDir)
    assert.deepEqual((await behind.file(project, file)).body, file.bytes, project)
    await until(
      async () => storedFiles(dataDir),
      (count) => count > before,
    )
    damage(blobPath(dataDir, sha256Of(file.bytes)))
    const reply = await behind.file(project, file)
    assert.deepEqual([reply.status, reply.complete], [200, true], project)
    assert.deepEqual(reply.body, file.bytes, project)
  }
  await assertSoundStorage(dataDir)
  const aside = readdirSync(join(dataDir, 'damaged'))
  assert.equal(aside.length, 3, 'what was damaged is kept')
  assert.match(behind.server.log(), /did not hold what its name says/)
})

void test('a page whose body is missing or altered is made again from the rows: no reader sees an error', async () => {
  const dataDir = join(scratch, 'pages')
  const bodies = new Map<string, Buffer>()
  {
    await using server = await startWaxseal({ dataDir, args: ['--no-upstream'] })
    for (const name of ['acme-gone', 'acme-other']) {
      await upload(server, buildWheel({ name, version: '1.0' }))
      bodies.set(name, await pageOf(server.url, name))
    }
  }
  const damages = [remove, alter]
  for (const body of bodies.values()) damages.shift()?.(blobPath(dataDir, digest(body)))
  await using server = await startWaxseal({ dataDir, args: ['--no-upstream'] })
  for (const [name, body] of bodies) assert.deepEqual(await pageOf(server.url, name), body)
  assert.deepEqual(await doctor(dataDir), { code: 0, findings: [] })
})

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function pageOf(url: string, project: string): Promise<Buffer> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const reply = await ask(`${url}/simple/${project}/`, { headers })
  assert.equal(reply.status, 200, reply.body.toString())
  return reply.body
}

void test('the doctor mends what has another source: page, sidecar, upstream file, backup; and says what is lost', async () => {
  const dataDir = join(scratch, 'mended')
  await using behind = await startBehind({ sim: { 'refresh-seconds': 0 } }, dataDir)
  const module = `NOISE = '${randomBytes(60_000).toString('hex')}'\n`
  const kept = buildWheel({ name: 'acme-kept', version: '1.0', module })
  const lost = buildWheel({ name: 'acme-lost', version: '1.0', module: `${module}# other\n` })
  await upload(behind.server, kept)
  cpSync(join(dataDir, 'blobs'), join(scratch, 'backup', 'blobs'), { recursive: true })
  await upload(behind.server, lost)
  const file = { filename: 'demo-1.0-py3-none-any.whl', bytes: randomBytes(LARGE) }
  behind.upstream.addProject({ name: 'demo', files: [file] })
  const page = await behind.page('demo')
  await behind.file('demo', file)
  await until(
    async () => storedFiles(dataDir),
    (count) => count === 3,
  )
  assert.deepEqual(await doctor(dataDir), { code: 0, findings: [] })

  alter(blobPath(dataDir, kept.sha256))
  remove(blobPath(dataDir, digest(Buffer.from(kept.metadata))))
  remove(blobPath(dataDir, lost.sha256))
  alter(blobPath(dataDir, sha256Of(file.bytes)))
  truncate(blobPath(dataDir, digest(page.body)))
  writeFileSync(join(dataDir, 'blobs', 'notes.txt'), 'whose is this?')

  const looked = await doctor(dataDir)
  assert.deepEqual([looked.code, looked.findings.length], [1, 5], looked.findings.map(({ what }) => what).join('\n'))
  assert.ok(looked.findings.some(({ what }) => /file of acme-lost: .*\.whl; uploaded by/.test(what)))
  assert.equal(existsSync(join(dataDir, 'damaged')), false, 'looking changes nothing')

  // The simulator's address is the running server's to know: the command is given its configuration.
  const config = join(scratch, 'waxseal.toml')
  writeFileSync(config, `[upstream.sim]\nurl = ${JSON.stringify(behind.upstream.simpleUrl)}\n`)
  const mended = await doctor(dataDir, '--repair', '--from', join(scratch, 'backup'), '--config', config)
  const repairs = mended.findings.map(({ what, repair }) => `${what}: ${repair?.how}`).toSorted()
  assert.equal(mended.code, 1, 'one is lost')
  assert.equal(repairs.filter((text) => text.includes('it is lost')).length, 1, repairs.join('\n'))
  assert.ok(
    repairs.some((text) => /acme_kept.*taken from the backup; what was there is in .*damaged/.test(text)),
    repairs.join('\n'),
  )
  assert.ok(
    repairs.some((text) => /demo.*fetched again from sim/.test(text)),
    repairs.join('\n'),
  )
  assert.ok(
    repairs.some((text) => /page of demo.*rendered again/.test(text)),
    repairs.join('\n'),
  )
  assert.deepEqual((await behind.file('demo', file)).body, file.bytes)

  await upload(behind.server, lost)
  rmSync(join(dataDir, 'blobs', 'notes.txt'))
  assert.deepEqual(await doctor(dataDir), { code: 0, findings: [] }, 'uploading the same file again heals it')
})

for (const wanted of wantedClients('pip')) {
  clientTest(
    wanted,
    'is told of a file whose bytes are lost, refuses altered ones, and installs after a repair',
    async (pip) => {
      await using server = await startWaxseal({ args: ['--no-upstream'] })
      const module = `NOISE = '${randomBytes(60_000).toString('hex')}'\n`
      const lost = buildWheel({ name: 'acme-lost', version: '1.0' })
      const altered = buildWheel({ name: 'acme-altered', version: '1.0', module })
      const whole = buildWheel({ name: 'acme-whole', version: '1.0' })
      for (const file of [lost, altered, whole]) await upload(server, file)
      remove(blobPath(server.dataDir, lost.sha256))
      alter(blobPath(server.dataDir, altered.sha256))
      const install = async (name: string) => {
        await using work = await workFolder()
        const args = ['install', name, '--target', 'out', '--retries', '0', '--index-url', `${server.url}/simple/`]
        return await pip.run(args, { cwd: work.path })
      }
      assertSuccess(await install('acme-whole'))
      const refused = await install('acme-lost')
      assert.equal(refused.code, 1)
      // pip takes a 503 for something that passes, and keeps its sentence to itself.
      assert.match(terminal(refused), /too many 503 error responses/)
      const reply = await ask(`${server.url}/files/${lost.name}/${lost.sha256}/${lost.filename}`)
      assert.equal((JSON.parse(reply.body.toString()) as { code: string }).code, 'stored-file-lost')
      assert.match(reply.body.toString(), /bytes of acme_lost-1.0-py3-none-any.whl are lost: .*waxseal doctor/)
      const told = await until(
        async () => server.log(),
        (log) => log.includes('are lost'),
      )
      assert.match(told, /are lost/, 'the log says so too')
      const other = await install('acme-altered')
      assert.equal(other.code, 1)
      assert.match(terminal(other), /DO NOT MATCH THE HASHES/)
      assert.equal((await doctor(server.dataDir, '--repair')).code, 1)
      assert.equal((await install('acme-altered')).code, 1)
      for (const file of [lost, altered]) {
        await upload(server, file)
        assertSuccess(await install(file.name))
      }
      assert.equal((await doctor(server.dataDir)).code, 0)
    },
  )
}
