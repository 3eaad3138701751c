import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { ListedPage } from '../support/behind-upstream.ts'
import { carryKeys } from '../support/carry-keys.ts'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { RunningServer } from '../support/server.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

const NO_UPSTREAM = ['--no-upstream']

/** What a mirror reads of a project: its serial, and its files with their digests. */
async function seen(server: RunningServer, project: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(`${server.url}/pypi/${project}/json`, { headers })
  const { last_serial: serial } = (await answer.json()) as { last_serial: number }
  const page = await fetch(`${server.url}/simple/${project}/?format=application/vnd.pypi.simple.v1%2Bjson`, { headers })
  const { files } = (await page.json()) as ListedPage
  return { serial, files: files.map(({ filename, hashes }) => [filename, hashes['sha256']]) }
}

/** The whole folder, as names. */
const namesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()

/** What a folder of PostgreSQL is good for when nobody says where the database is: nothing, and nothing is changed. */
async function refusedWithoutDatabase(dataDir: string): Promise<void> {
  const before = namesIn(dataDir)
  const commands = [
    ['serve', ...NO_UPSTREAM, '--listen', '127.0.0.1:0'],
    ['gc'],
    ['upgrade'],
    ['project', 'list', '--json'],
  ]
  for (const args of commands) {
    const { code, stdout, stderr } = await waxsealCommand([...args, '--data', dataDir])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /holds the files of an index.*WAXSEAL_DATABASE=/)
    if (args.includes('--json')) assert.equal(JSON.parse(stdout).error.code, 'wrong-database')
  }
  assert.deepEqual(namesIn(dataDir), before)
}

/** Two restores at once into one database, each with a folder of its own: one of them is the index, the other is told. */
async function oneOfTwo(dest: string, folder: string, database: string): Promise<void> {
  const folders = ['first', 'second'].map((name) => join(folder, name))
  const env = { WAXSEAL_DATABASE: database }
  const runs = await Promise.all(
    folders.map((dataDir) => waxsealCommand(['restore', dest, '--data', dataDir, '--json'], { env })),
  )
  const [won, lost] = runs.toSorted((a, b) => Number(a.code) - Number(b.code))
  assert.deepEqual([won?.code, lost?.code], [0, 1], runs.map(({ stderr }) => stderr).join(''))
  assert.match(lost?.stderr ?? '', /Another restore has filled|database is not empty/)
  const place = folders[runs.findIndex(({ code }) => code === 0)] ?? ''
  await runWaxseal(['doctor', '--data', place], env)
}

void test('a restore into PostgreSQL tells how to start it; that database or none serves the folder', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-start-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using postgres = await startEmbeddedPostgres()
  const [dest, dataDir] = [join(folder, 'backups'), join(folder, 'new data')]
  {
    await using server = await startWaxseal({ args: NO_UPSTREAM, dataDir: join(folder, 'old') })
    assert.equal((await uploadFile(server, buildWheel({ name: 'kept', version: '1.0' }))).status, 200)
    await runWaxseal(['backup', dest, '--data', server.dataDir])
  }
  await oneOfTwo(dest, folder, await postgres.createDatabase())
  const database = await postgres.createDatabase()
  const { password } = new URL(database)
  assert.notEqual(password, '')
  await carryKeys(join(folder, 'old'), dataDir)
  const said = await runWaxseal(['restore', dest, '--data', dataDir], { WAXSEAL_DATABASE: database })
  assert.ok(!said.includes(password))
  const [, line = ''] = /^ {2}(.*waxseal serve .*)$/m.exec(said) ?? []
  assert.match(line, / --data '[^']+new data'$/)
  const url = /^WAXSEAL_DATABASE=(\S+) /.exec(line)?.[1] ?? ''
  const env = { WAXSEAL_DATABASE: url, PGPASSWORD: password }

  await refusedWithoutDatabase(dataDir)
  const empty = { WAXSEAL_DATABASE: await postgres.createDatabase() }
  for (const args of [['upgrade'], ['serve', ...NO_UPSTREAM]]) {
    const { code, stderr } = await waxsealCommand([...args, '--data', dataDir], { env: empty })
    assert.deepEqual([code, /holds the files of an index/.test(stderr)], [3, true], stderr)
  }
  await using server = await startWaxseal({ args: NO_UPSTREAM, dataDir, env })
  assert.equal((await seen(server, 'kept')).files.length, 1)
  const elsewhere = { WAXSEAL_DATABASE: await postgres.createDatabase() }
  {
    await using other = await startWaxseal({ args: NO_UPSTREAM, dataDir: join(folder, 'other'), env: elsewhere })
    assert.equal((await uploadFile(other, buildWheel({ name: 'other', version: '1.0' }))).status, 200)
  }
  for (const args of [['gc'], ['serve', '--read-only']]) {
    const { code, stderr } = await waxsealCommand([...args, '--data', dataDir], { env: elsewhere })
    assert.deepEqual([code, /belongs to another index/.test(stderr)], [3, true], stderr)
  }
})

void test('an index moves from SQLite to PostgreSQL and back by backup and restore; serials only go up', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-databases-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using postgres = await startEmbeddedPostgres()
  const url = await postgres.createDatabase()
  const env = { WAXSEAL_DATABASE: url }
  const [dest, tar] = [join(folder, 'backups'), join(folder, 'back.tar')]

  const [before, token] = await (async () => {
    await using server = await startWaxseal({ args: NO_UPSTREAM, dataDir: join(folder, 'sqlite') })
    for (const version of ['1.0', '1.1'])
      assert.equal((await uploadFile(server, buildWheel({ name: 'moved', version }))).status, 200)
    const made = await server.createToken({ scope: 'admin', user: 'ci' })
    await runWaxseal(['backup', dest, '--data', server.dataDir])
    return [await seen(server, 'moved'), made] as const
  })()

  await carryKeys(join(folder, 'sqlite'), join(folder, 'postgres'))
  const restored = JSON.parse(
    await runWaxseal(['restore', dest, '--data', join(folder, 'postgres'), '--json'], env),
  ) as { snapshot: number }
  const between = await (async () => {
    await using server = await startWaxseal({ args: NO_UPSTREAM, dataDir: join(folder, 'postgres'), env })
    const after = await seen(server, 'moved', token)
    assert.deepEqual(after.files, before.files)
    assert.equal(after.serial, restored.snapshot)
    assert.ok(after.serial > before.serial + 1_000_000)
    assert.equal(
      (await uploadFile({ url: server.url, token }, buildWheel({ name: 'moved', version: '1.2' }))).status,
      200,
    )
    await runWaxseal(['backup', tar, '--data', server.dataDir], env)
    return await seen(server, 'moved')
  })()
  assert.equal(between.files.length, 3)
  await assert.rejects(runWaxseal(['restore', tar, '--data', join(folder, 'elsewhere')], env), /database is not empty/)
  await assert.rejects(
    runWaxseal(['restore', tar, '--data', join(folder, 'elsewhere'), '--database', url]),
    /password in an argument/,
  )

  await carryKeys(join(folder, 'postgres'), join(folder, 'back'))
  await runWaxseal(['restore', tar, '--data', join(folder, 'back')])
  await using server = await startWaxseal({ args: NO_UPSTREAM, dataDir: join(folder, 'back') })
  const after = await seen(server, 'moved', token)
  assert.deepEqual(after.files, between.files)
  assert.ok(after.serial > between.serial)
  assert.equal(
    (await uploadFile({ url: server.url, token }, buildWheel({ name: 'moved', version: '1.3' }))).status,
    200,
  )
})
