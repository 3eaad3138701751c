import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, suite, test } from 'node:test'
import { indexDefaults } from '../../packages/index/src/index-config.ts'
import type { DoctorOptions } from '../../packages/index/src/keeping/doctor.ts'
import { openAdministration } from '../../packages/index/src/open-administration.ts'
import { upstreamDefaults } from '../../packages/index/src/upstream/config.ts'
import type { Behind } from '../support/behind-upstream.ts'
import { addressOf, IMPATIENT, startBehind, until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { Fault } from '../support/upstream-faults.ts'

const scratch = mkdtempSync(join(tmpdir(), 'waxseal-doctor-upstream-'))
const whole = join(scratch, 'whole')
const backups = join(scratch, 'backups')
after(() => rmSync(scratch, { recursive: true, force: true }))

const listed = buildWheel({ name: 'listed', version: '1.0' })
/** Its upstream lists it no more. */
const withdrawn = buildWheel({ name: 'withdrawn', version: '1.0' })
type Fetched = typeof listed

const status = (code: number): Fault => ({ kind: 'status', status: code })
const blobIn = (folder: string, { sha256 }: Fetched): string =>
  join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)

/** The upstream that the files are from, and what was fetched from it; its server has ended. */
let behind: Behind
after(() => behind[Symbol.asyncDispose]())
afterEach(() => behind.upstream.clearFaults())

before(async () => {
  behind = await startBehind({ sim: IMPATIENT }, whole)
  for (const file of [listed, withdrawn]) {
    behind.upstream.addProject({ name: file.name, files: [{ filename: file.filename, bytes: file.bytes }] })
    await behind.page(file.name)
    assert.equal((await behind.file(file.name, file)).status, 200)
  }
  const stored = async () => sql(whole, 'select count(*) as value from file where stored = 1')
  await until(stored, (count) => count === 2)
  behind.upstream.addProject({ name: withdrawn.name, files: [] })
  await behind.page(withdrawn.name)
  assert.equal(sql(whole, 'select count(*) as value from file where withdrawn_at is not null'), 1)
  await behind.server.stop()
  await runWaxseal(['backup', backups, '--data', whole])
})

function sql(dataDir: string, statement: string): unknown {
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'), { timeout: 5000 })
  try {
    return database.prepare(statement).get()?.['value']
  } finally {
    database.close()
  }
}

const isStored = (dataDir: string, { name }: Fetched): unknown =>
  sql(dataDir, `select stored as value from file where project = '${name}'`)

let copies = 0
const copyOfWhole = (): string => {
  const dataDir = join(scratch, `copy-${(copies += 1)}`)
  cpSync(whole, dataDir, { recursive: true })
  return dataDir
}

/** Whether the index that is examined knows the upstream, and may ask it. */
type Knows = 'sim' | 'sim, offline' | 'nobody'

async function repair(dataDir: string, knows: Knows, options: DoctorOptions = {}) {
  const upstreams = knows === 'nobody' ? [] : [upstreamDefaults('sim', behind.upstream.simpleUrl)]
  const config = indexDefaults(dataDir, { upstreams, offline: knows === 'sim, offline' })
  await using index = await openAdministration(config)
  const { findings, left } = await index.examine({ repair: true, ...options })
  // What else is said is about the page of what a test has tampered with.
  const about = findings.filter(({ code }) => code.startsWith('blob-') || code.startsWith('file-'))
  return { left, told: about.map(({ code, repair: did }) => [code, did?.done]), how: about[0]?.repair?.how ?? '' }
}

const nothing = { left: 0, told: [], how: '' }

/** Repairs from the backup, and sees that the very bytes are there. */
async function healsFromBackup(dataDir: string, file: Fetched, knows: Knows, code: string): Promise<void> {
  const { left, told, how } = await repair(dataDir, knows, { from: backups })
  assert.deepEqual([left, told], [0, [[code, true]]])
  assert.match(how, /taken from the backup/)
  assert.equal(isStored(dataDir, file), 1)
  assert.deepEqual(readFileSync(blobIn(dataDir, file)), Buffer.from(file.bytes))
  assert.deepEqual(await repair(dataDir, knows, { from: backups }), nothing)
  await using index = await openAdministration(indexDefaults(dataDir))
  assert.deepEqual((await index.examine()).findings, [], 'the page says what the rows say')
}

suite('a damaged file of an upstream is not said to be repaired, and is taken from a backup later, when', () => {
  const cases: readonly (readonly [string, Fetched, Fault | undefined, Knows, DoctorOptions, RegExp])[] = [
    ['the upstream has it no more', listed, status(404), 'sim', {}, /sim does not have it/],
    ['the upstream has other bytes', listed, { kind: 'change-bytes' }, 'sim', {}, /sim has another file in its place/],
    ['the upstream is not configured', listed, undefined, 'nobody', {}, /sim is not configured/],
    [
      'it is not configured, and none is asked',
      listed,
      undefined,
      'nobody',
      { askUpstreams: false },
      /sim is not conf/,
    ],
    ['the upstream withdrew it, and fails', withdrawn, status(503), 'sim', {}, /sim lists it no more/],
    ['it withdrew it, and none is asked', withdrawn, undefined, 'sim', { askUpstreams: false }, /sim lists it no more/],
  ]
  for (const [how, file, fault, knows, options, why] of cases) {
    test(how, async () => {
      const dataDir = copyOfWhole()
      writeFileSync(blobIn(dataDir, file), 'other')
      if (fault !== undefined) behind.upstream.setFault('/files/', fault)
      for (const code of ['blob-damaged', 'blob-missing']) {
        const looked = await repair(dataDir, knows, options)
        assert.deepEqual([looked.left, looked.told], [1, [[code, false]]])
        assert.match(looked.how, why)
        assert.equal(isStored(dataDir, file), 1)
      }
      await healsFromBackup(dataDir, file, knows, 'blob-missing')
    })
  }
})

suite(
  'a damaged file that its upstream may give later is no longer said to be stored, and fetched when asked for:',
  () => {
    const cases: readonly (readonly [string, Fault | undefined, Knows, DoctorOptions])[] = [
      ['the upstream fails', status(503), 'sim', {}],
      ['none is asked', undefined, 'sim', { askUpstreams: false }],
      ['the index is offline', undefined, 'sim, offline', {}],
    ]
    for (const [how, fault, knows, options] of cases) {
      test(how, async () => {
        const dataDir = copyOfWhole()
        writeFileSync(blobIn(dataDir, listed), 'other')
        if (fault !== undefined) behind.upstream.setFault('/files/', fault)
        const mended = await repair(dataDir, knows, options)
        assert.deepEqual([mended.left, mended.told], [0, [['blob-damaged', true]]])
        assert.match(mended.how, /no longer said to be stored/)
        assert.equal(isStored(dataDir, listed), 0)
        assert.equal(existsSync(blobIn(dataDir, listed)), false)
        behind.upstream.clearFaults()
        await using server = await startWaxseal({ dataDir, upstreams: new Map([['sim', behind.upstream.simpleUrl]]) })
        const reply = await ask(`${server.url}${addressOf(listed.name, listed)}`)
        assert.deepEqual(reply.body, Buffer.from(listed.bytes))
      })
    }
  },
)

suite('a file that is not stored, and that a backup has,', () => {
  const notStored = (file: Fetched): string => {
    const dataDir = copyOfWhole()
    rmSync(blobIn(dataDir, file))
    sql(dataDir, `update file set stored = 0 where project = '${file.name}'`)
    return dataDir
  }

  const cases: readonly (readonly [string, Fetched, Fault | undefined, Knows])[] = [
    ['its upstream does not have', listed, status(404), 'sim'],
    [
      'its upstream has in another size',
      listed,
      { kind: 'status', status: 200, headers: { 'content-length': '1' }, body: 'x' },
      'sim',
    ],
    ['its upstream is not configured', listed, undefined, 'nobody'],
    ['its upstream withdrew', withdrawn, undefined, 'sim, offline'],
  ]
  for (const [how, file, fault, knows] of cases) {
    test(`is taken from there when ${how}`, async () => {
      const dataDir = notStored(file)
      if (fault !== undefined) behind.upstream.setFault('/files/', fault)
      await healsFromBackup(dataDir, file, knows, 'file-unobtainable')
    })
  }

  test('is left to the upstream that has it, or may have it', async () => {
    const dataDir = notStored(listed)
    assert.deepEqual(await repair(dataDir, 'sim', { from: backups }), nothing)
    assert.deepEqual(await repair(dataDir, 'sim', { from: backups, askUpstreams: false }), nothing)
    behind.upstream.setFault('/files/', status(503))
    assert.deepEqual(await repair(dataDir, 'sim', { from: backups }), nothing)
    assert.equal(isStored(dataDir, listed), 0)
  })

  test('is told as lost when the backup has it damaged', async () => {
    const spoilt = join(scratch, 'spoilt')
    cpSync(backups, spoilt, { recursive: true })
    writeFileSync(blobIn(spoilt, listed), 'other')
    const dataDir = notStored(listed)
    const { left, told } = await repair(dataDir, 'nobody', { from: spoilt })
    assert.deepEqual([left, told], [1, [['file-unobtainable', false]]])
    assert.equal(isStored(dataDir, listed), 0)
  })
})
