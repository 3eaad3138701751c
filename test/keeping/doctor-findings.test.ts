import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, closeSync, cpSync, existsSync, mkdtempSync, openSync, readdirSync } from 'node:fs'
import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { deadPartName } from '../../packages/index/src/blobs/testing/dead-part-name.ts'
import { indexDefaults } from '../../packages/index/src/index-config.ts'
import { openAdministration } from '../../packages/index/src/open-administration.ts'
import type { Diagnosis, DoctorOptions } from '../../packages/index/src/keeping/doctor.ts'
import { documentOf, MAIN, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

const IS_ROOT = userInfo().uid === 0
const scratch = mkdtempSync(join(tmpdir(), 'waxseal-findings-'))
const whole = join(scratch, 'whole')
after(() => rmSync(scratch, { recursive: true, force: true }))

before(async () => {
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: whole })
  for (const [name, version] of [
    ['acme', '1.0'],
    ['acme', '1.1'],
    ['other', '1.0'],
  ] as const) {
    assert.equal((await uploadFile(server, buildWheel({ name, version }))).status, 200)
  }
})

let copies = 0
const copyOfWhole = (): string => {
  const dataDir = join(scratch, `copy-${(copies += 1)}`)
  cpSync(whole, dataDir, { recursive: true })
  return dataDir
}

/** Does to the database of a fresh copy what nothing but Waxseal should. */
const tampered = (...statements: readonly string[]): string => {
  const dataDir = copyOfWhole()
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'))
  for (const statement of statements) database.exec(statement)
  database.close()
  return dataDir
}

async function examined(dataDir: string, options: DoctorOptions = {}): Promise<Diagnosis> {
  await using index = await openAdministration(indexDefaults(dataDir))
  return await index.examine(options)
}

const told = ({ findings }: Diagnosis): readonly string[] => findings.map(({ code, what }) => `${code}: ${what}`)

suite('what waxseal doctor finds', () => {
  test('is nothing in an index that is whole', async () => {
    const { findings, left, checked } = await examined(copyOfWhole())
    assert.deepEqual([findings, left, checked.pages, checked.decisions], [[], 0, 2, 2])
  })

  for (const place of ['file', 'file_sha256', 'decision']) {
    test(`a page of the SQLite file that a disk has spoilt (${place}), with the blobs hashed all the same`, async () => {
      const dataDir = copyOfWhole()
      spoilPage(dataDir, place)
      const blob = someBlob(dataDir)
      writeFileSync(blob.path, 'other')
      for (const options of [{}, { repair: true }]) {
        const { findings, checked, left } = await examined(dataDir, options)
        assert.deepEqual(
          findings.map(({ code, sha256, repair }) => [code, sha256, repair]),
          [
            ['database-damaged', undefined, undefined],
            ['blob-damaged', blob.sha256, undefined],
          ],
        )
        assert.equal(left, 2)
        assert.ok(checked.blobs > 0 && checked.bytes > 0)
      }
      assert.equal(existsSync(join(dataDir, 'damaged')), false, 'nothing is repaired by rows that cannot be believed')
    })
  }

  test('a database whose first page is spoilt, as a sentence and exit code 3', async () => {
    const dataDir = copyOfWhole()
    spoilPage(dataDir, 1)
    const run = await waxsealCommand(['doctor', '--data', dataDir])
    assert.deepEqual([run.code, run.stdout], [3, ''])
    assert.match(run.stderr, /^waxseal: .*waxseal\.db: The database is damaged .*restore the last backup.*\n$/)
  })

  const first = `project = 'acme' and rev = 1`
  for (const [how, statement, what] of [
    ['altered', `update decision set actor = 'mallory' where ${first}`, /acme: decision 1 was changed after/],
    ['cut off', `update decision set prev = 'x' where ${first}`, /acme: decision 1 does not follow/],
    ['gone', `delete from decision where ${first}`, /acme: its newest decisions are missing/],
  ] as const) {
    test(`a decision that is ${how}, and the exit code 1`, async () => {
      const run = await waxsealCommand(['doctor', '--data', tampered(statement), '--json'])
      assert.equal(run.code, 1)
      const lines = told(documentOf(run) as unknown as Diagnosis)
      assert.equal(lines.length, 1, lines.join('\n'))
      assert.match(lines[0] ?? '', /^decisions-broken: /)
      assert.match(lines[0] ?? '', what)
    })
  }

  test('a page that says something else than its rows, published anew by a repair', async () => {
    const dataDir = tampered(`update file set yanked = 1, yanked_reason = 'broken' where project = 'other'`)
    assert.deepEqual(told(await examined(dataDir)), ['page-differs: other'])
    const { findings, left, repaired } = await examined(dataDir, { repair: true })
    assert.match(findings[0]?.repair?.how ?? '', /published anew with snapshot \d+/)
    assert.deepEqual([left, repaired], [0, 1])
    assert.deepEqual(told(await examined(dataDir)), [])
    await using server = await startWaxseal({ args: ['--no-upstream'], dataDir })
    assert.match(await (await fetch(`${server.url}/simple/other/`)).text(), /data-yanked="broken"/)
  })

  test('a change that nobody has published yet is no error', async () => {
    const dataDir = tampered(
      `update file set yanked = 1 where project = 'other'`,
      `insert into journal (project, action, at) values ('other', 'yank', '2026-01-01T00:00:00.000Z')`,
    )
    const { findings, left } = await examined(dataDir)
    assert.deepEqual([findings.map(({ code }) => code), left], [['page-waiting'], 0])
  })

  test('times from the future', async () => {
    const dataDir = tampered(`update snapshot set at = '2999-01-01T00:00:00.000Z' where version = 1`)
    const { findings, left } = await examined(dataDir)
    assert.deepEqual(told({ findings } as Diagnosis), ['time-in-future: snapshot: 2999-01-01T00:00:00.000Z'])
    assert.equal(left, 1)
  })

  test('rows that contradict each other', async () => {
    const dataDir = tampered(
      `delete from snapshot where version = (select snapshot from page where project = 'acme')`,
      `update file set stored = 0 where project = 'other'`,
    )
    const lines = told(await examined(dataDir))
    assert.ok(lines.includes('rows-inconsistent: a page of a snapshot that is not there: acme'), lines.join('\n'))
    assert.ok(
      lines.some((line) => /an uploaded file that is said not to be stored: other-/.test(line)),
      lines.join('\n'),
    )
  })

  test('files that were left half-written, and things that are no blobs', async () => {
    const dataDir = copyOfWhole()
    writeFileSync(join(dataDir, 'spool', deadPartName()), 'left')
    writeFileSync(join(dataDir, 'blobs', 'notes.txt'), 'mine')
    const lines = told(await examined(dataDir)).toSorted()
    assert.deepEqual(lines, ['leftovers: 1 files, 4 bytes', `stray-file: ${join(dataDir, 'blobs', 'notes.txt')}`])
  })

  test('a database that others may read', async () => {
    const dataDir = copyOfWhole()
    chmodSync(join(dataDir, 'waxseal.db'), 0o644)
    assert.ok(told(await examined(dataDir)).includes(`database-open: ${join(dataDir, 'waxseal.db')}`))
  })
})

/** Root goes by no mode: such a doctor is root without that right. */
const setpriv = IS_ROOT ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []
const missing = IS_ROOT && spawnSync('setpriv', ['--version']).status !== 0
const skip = missing && !process.env['CI'] ? 'setpriv (util-linux) is not here' : false

suite('what waxseal doctor finds without the rights that it needs', { skip }, () => {
  const looked = (dataDir: string) => {
    const [command, ...args] = [...setpriv, process.execPath, MAIN]
    const run = spawnSync(command ?? '', [...args, 'doctor', '--data', dataDir, '--json'], { encoding: 'utf8' })
    const document = JSON.parse(run.stdout) as Diagnosis & { readonly error?: { readonly message: string } }
    return { code: run.status, document }
  }

  test('blobs and folders that it may not read or write', () => {
    const dataDir = copyOfWhole()
    const blob = someBlob(dataDir)
    chmodSync(blob.path, 0)
    chmodSync(join(dataDir, 'spool'), 0o555)
    const { code, document } = looked(dataDir)
    assert.equal(code, 1)
    const found = document.findings.map((finding) => `${finding.code} ${finding.sha256 ?? finding.what}`)
    assert.deepEqual(found.toSorted(), [`blob-unreadable ${blob.sha256}`, `not-writable ${join(dataDir, 'spool')}`])
  })

  test('a data folder that is read-only: it cannot look, and says so', () => {
    const dataDir = copyOfWhole()
    chmodSync(dataDir, 0o555)
    const { code, document } = looked(dataDir)
    chmodSync(dataDir, 0o755)
    assert.equal(code, 3)
    assert.match(document.error?.message ?? '', /waxseal\.db cannot be opened.*has to own the data folder/)
  })

  test('what belongs to another user', { skip: IS_ROOT ? false : 'only root gives files away' }, () => {
    const dataDir = copyOfWhole()
    const blob = someBlob(dataDir)
    chmodSync(blob.path, 0o600)
    for (const path of [blob.path, join(dataDir, 'spool')]) chownSync(path, 65_534, 65_534)
    const { code, document } = looked(dataDir)
    assert.equal(code, 1)
    const found = document.findings.map((finding) => `${finding.code} ${finding.sha256 ?? finding.what}`)
    assert.ok(found.includes(`blob-unreadable ${blob.sha256}`), found.join('\n'))
    assert.ok(
      found.includes(`foreign-owner ${join(dataDir, 'spool')} (user 65534, the data folder ${userInfo().uid})`),
      found.join('\n'),
    )
  })
})

function someBlob(dataDir: string): { readonly path: string; readonly sha256: string } {
  const names = readdirSync(join(dataDir, 'blobs'), { recursive: true, encoding: 'utf8' })
  const name = names.toSorted().find((one) => /[0-9a-f]{64}$/.test(one))
  assert.ok(name !== undefined)
  return { path: join(dataDir, 'blobs', name), sha256: name.slice(-64) }
}

/** Writes nonsense over the root page of a table or an index. */
function spoilPage(dataDir: string, place: string | 1): void {
  const path = join(dataDir, 'waxseal.db')
  const database = new DatabaseSync(path)
  const size = Number(database.prepare('pragma page_size').get()?.['page_size'])
  const row = database.prepare('select rootpage from sqlite_schema where name = ?').get(place)
  const page = place === 1 ? 1 : Number(row?.['rootpage'])
  database.close()
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(size, 0x5a), 0, size, (page - 1) * size)
  closeSync(file)
}
