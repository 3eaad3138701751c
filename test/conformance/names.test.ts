import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, describe, it } from 'node:test'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { JSON_PAGE, REFRESH_MS, ask, startIndex } from './index-under-test.ts'
import type { IndexUnderTest } from './index-under-test.ts'

/** Overwrites all of an SQLite file but its first page, as a failing disk would, under the feet of whoever has it open. */
async function garbleDatabase(path: string): Promise<void> {
  const raw = new DatabaseSync(path)
  // A commit makes other connections forget what they remember of the file; the checkpoint puts it all there.
  raw.exec("insert into setting (key, value) values ('garbled', '1')")
  raw.exec('pragma wal_checkpoint(truncate)')
  raw.close()
  await using file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096)
}

/** attacks.md 6.5 as amended by design.md section 8: who answers for a name, whatever exists elsewhere. */

const simulated = (file: Distribution) => ({
  filename: file.filename,
  bytes: file.bytes,
  uploadTime: '2024-03-01T12:00:00.000000Z',
})

describe('a name that is internal is never asked of an upstream', () => {
  let upstream: Simulator
  let index: IndexUnderTest
  const internal = buildWheel({ name: 'corp-foo', version: '1.0' })

  before(async () => {
    upstream = await startSimulator()
    index = await startIndex({ upstreams: { pypi: upstream }, prefixes: ['corp'] })
    assert.equal((await index.upload(internal)).status, 200)
  })
  afterEach(() => {
    assert.deepEqual(
      upstream.requestsFor(/^\/(?:simple|files)\/corp(?:[-_.]|%|\/)/i),
      [],
      'DC-19: an upstream heard of an internal name',
    )
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  const public99 = buildWheel({ name: 'corp-foo', version: '99.0' })
  const rivals: readonly [string, Distribution][] = [
    ['DC-1 a higher version', public99],
    [
      'DC-2 the same file name with other bytes',
      buildWheel({ name: 'corp-foo', version: '1.0', module: 'EVIL = 1\n' }),
    ],
    [
      'DC-3 a platform wheel of the same version',
      { ...public99, filename: 'corp_foo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl' },
    ],
    ['DC-4 a build tag', { ...public99, filename: 'corp_foo-1.0-9999-py3-none-any.whl' }],
    ['DC-5 a wheel where the rest is an sdist', { ...public99, filename: 'corp_foo-2.0-py3-none-any.whl' }],
    ['DC-6 a local label', { ...public99, filename: 'corp_foo-1.0+evil-py3-none-any.whl' }],
    ['DC-7 a post release', { ...public99, filename: 'corp_foo-1.0.post1-py3-none-any.whl' }],
    ['DC-7 an epoch', { ...public99, filename: 'corp_foo-1!0.1-py3-none-any.whl' }],
    ['DC-7 another spelling of the version', { ...public99, filename: 'corp_foo-1.0.0-py3-none-any.whl' }],
  ]
  for (const [title, rival] of rivals) {
    it(`row 6, ${title}: the page shows ours only, and theirs cannot be had`, async () => {
      upstream.addProject({ name: 'corp-foo', files: [simulated(rival)] })
      index.pass(REFRESH_MS)
      assert.deepEqual(await index.filenames('corp-foo'), [internal.filename])
      const theirs = await ask(`${index.url}/files/corp-foo/${rival.sha256}/${encodeURIComponent(rival.filename)}`)
      assert.equal(theirs.status, 404)
      assert.equal((await ask(index.fileUrl(internal))).status, 200)
    })
  }

  it('DC-5b: an internal sdist stands alone although the upstream has an older wheel', async () => {
    const sdist = buildSdist({ name: 'corp-sdist', version: '2.0' })
    upstream.addProject({ name: 'corp-sdist', files: [simulated(buildWheel({ name: 'corp-sdist', version: '1.0' }))] })
    assert.equal((await index.upload(sdist)).status, 200)
    assert.deepEqual(await index.filenames('corp-sdist'), [sdist.filename])
  })

  it('row 8, DC-8, DC-9: all yanked, or for another Python, is not absent', async () => {
    const other = buildWheel({ name: 'corp-old', version: '2.0', requiresPython: '>=99' })
    assert.equal((await index.upload(other)).status, 200)
    assert.equal((await index.manage('PUT', '/projects/corp-old/releases/2.0/yank', { reason: 'broken' })).status, 200)
    upstream.addProject({ name: 'corp-old', files: [simulated(buildWheel({ name: 'corp-old', version: '3.0' }))] })
    const page = await index.page('corp-old')
    assert.deepEqual(
      page.files.map(({ filename, yanked }) => [filename, yanked]),
      [[other.filename, 'broken']],
    )
    assert.equal(page.files[0]?.['requires-python'], '>=99')
  })

  it('row 4, DC-11, DC-16: a name under a prefix that nobody uploaded is 200 without files, never 404', async () => {
    upstream.addProject({ name: 'corp-new', files: [simulated(buildWheel({ name: 'corp-new', version: '1.0' }))] })
    const page = await index.page('corp-new')
    assert.deepEqual([page.files, page.versions], [[], []])
    assert.match(page['project-status'].reason ?? '', /corp/)
  })

  it('row 4: a file under a reserved name answers 403 name-reserved', async () => {
    const answer = await ask(index.fileUrl(buildWheel({ name: 'corp-new', version: '1.0' })))
    assert.equal(answer.status, 403)
    assert.equal((answer.json() as { code: string }).code, 'name-reserved')
  })

  it('DC-15: being asked for first does not make a reserved name an upstream one', async () => {
    const file = buildWheel({ name: 'corp-late', version: '1.0' })
    upstream.addProject({ name: 'corp-late', files: [simulated(file)] })
    await index.page('corp-late')
    await ask(index.fileUrl(file))
    const ours = buildWheel({ name: 'corp-late', version: '0.1' })
    assert.equal((await index.upload(ours, await index.token('upload'))).status, 200)
    assert.deepEqual(await index.filenames('corp-late'), [ours.filename])
  })

  it('row 7, DEL-INT: a deleted project stays internal and empty', async () => {
    const gone = buildWheel({ name: 'corp-gone', version: '1.0' })
    upstream.addProject({ name: 'corp-gone', files: [simulated(buildWheel({ name: 'corp-gone', version: '9.0' }))] })
    assert.equal((await index.upload(gone)).status, 200)
    assert.equal((await index.manage('DELETE', '/projects/corp-gone')).status, 200)
    assert.deepEqual(await index.filenames('corp-gone'), [])
    const file = await ask(index.fileUrl(gone))
    assert.deepEqual([file.status, (file.json() as { code: string }).code], [410, 'file-deleted'])
    assert.match((await index.upload(gone)).text, /previously used/)
  })

  for (const spelling of ['Corp_Foo', 'CORP.FOO', 'corp--foo', 'Corp_.Foo']) {
    it(`DC-13, NAME-CASE: ${spelling} is corp-foo before anything is looked up`, async () => {
      const page = await ask(`${index.url}/simple/${spelling}/`)
      assert.equal(page.status, 302)
      assert.equal(page.headers.location, '../corp-foo/')
      for (const path of [
        `/files/${spelling}/${internal.sha256}/${internal.filename}`,
        `/files/${spelling}/${public99.sha256}/${public99.filename}`,
        `/pypi/${spelling}/json`,
        `/why/${spelling}`,
        `/simple/${spelling}`,
      ]) {
        await ask(`${index.url}${path}`)
      }
      const projects = await index.index.store.db.selectFrom('project').select('name').execute()
      assert.ok(
        projects.every(({ name }) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)),
        JSON.stringify(projects),
      )
    })
  }

  for (const name of ['corporate', 'corpfoo', 'xcorp-foo']) {
    it(`NAME-NS: ${name} is not under the prefix corp`, async () => {
      const neighbour = buildWheel({ name, version: '1.0' })
      upstream.addProject({ name, files: [simulated(neighbour)] })
      assert.deepEqual(await index.filenames(name), [neighbour.filename])
      upstream.clearRequests()
    })
  }

  it('NAME-CASE: a file name in another case is the same file name', async () => {
    const lower = buildSdist({ name: 'corp-case', version: '1.0' })
    const other = buildSdist({ name: 'corp-case', version: '1.0', module: 'OTHER = 1\n' })
    assert.equal((await index.upload(lower)).status, 200)
    for (const filename of [lower.filename, lower.filename.replace('corp_case', 'Corp_Case'), 'CORP_CASE-1.0.tar.gz']) {
      assert.equal((await index.upload({ ...other, filename })).status, 400, filename)
    }
    assert.deepEqual(await index.filenames('corp-case'), [lower.filename])
  })

  it('NAME-TYPO, NAME-CONF: a new name that only looks as if it stood under the prefix is refused', async () => {
    const token = await index.token('upload')
    for (const name of ['c0rp-tools', 'crop-tools']) {
      const answer = await index.upload(buildWheel({ name, version: '1.0' }), token)
      assert.equal(answer.status, 403, `${name} is taken`)
      assert.equal((answer.json() as { reason: string }).reason, 'name-look-alike')
    }
  })

  it('API-PROTO: names of object properties are names like any other', async () => {
    for (const name of ['constructor', 'tostring', 'hasownproperty', 'valueof']) {
      assert.equal((await ask(`${index.url}/simple/${name}/`)).status, 404)
      const file = buildWheel({ name, version: '1.0' })
      assert.equal((await index.upload(file)).status, 200)
      assert.deepEqual(await index.filenames(name), [file.filename])
      assert.equal((await ask(`${index.url}/pypi/${name}/json`)).status, 200)
    }
  })

  it('NAME-NS: the prefix itself is reserved too', async () => {
    assert.deepEqual(await index.filenames('corp'), [])
  })
})

describe('storage that fails, row 9 and DC-10: the page or 503 for that project, never a fall-through and never an empty page', () => {
  let upstream: Simulator
  before(async () => {
    upstream = await startSimulator()
    upstream.addProject({ name: 'corp-foo', files: [simulated(buildWheel({ name: 'corp-foo', version: '99.0' }))] })
  })
  after(() => upstream[Symbol.asyncDispose]())

  /** An index whose one internal project has a published page; `harm` then damages its storage. */
  async function damaged(harm: (index: IndexUnderTest, body: string) => Promise<void>): Promise<IndexUnderTest> {
    const index = await startIndex({ upstreams: { pypi: upstream } })
    // Claimed by an administrator, so that nobody asks upstream on the way.
    assert.equal((await index.upload(buildWheel({ name: 'corp-foo', version: '1.0' }))).status, 200)
    const { body_sha256: body } = await index.index.store.db
      .selectFrom('page')
      .select('body_sha256')
      .where('project', '=', 'corp-foo')
      .executeTakeFirstOrThrow()
    await harm(index, body)
    upstream.clearRequests()
    return index
  }

  async function assertClosed(index: IndexUnderTest, path: string): Promise<void> {
    for (const headers of [{}, JSON_PAGE]) {
      const answer = await ask(`${index.url}${path}`, { headers })
      assert.equal(answer.status, 503, `${path}: ${answer.status} ${answer.text}`)
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.doesNotMatch(answer.text, /node:|\.ts:|\n +at /, 'a stack trace')
    }
    assert.deepEqual(upstream.requests, [])
    assert.ok(index.logged.length > 0, 'the log has nothing of it')
  }

  const bodyPath = (index: IndexUnderTest, sha256: string): string =>
    join(index.dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)

  it('the bytes and the metadata of a file that are missing', async () => {
    const file = buildWheel({ name: 'corp-foo', version: '1.0' })
    await using index = await damaged(async (at) => {
      await rm(bodyPath(at, file.sha256))
      await rm(bodyPath(at, createHash('sha256').update(file.metadata).digest('hex')))
    })
    const path = `/files/corp-foo/${file.sha256}/${file.filename}`
    await assertClosed(index, path)
    await assertClosed(index, `${path}.metadata`)
    assert.deepEqual(await index.filenames('corp-foo'), [file.filename])
    // The same upload again brings both back.
    assert.equal((await index.upload(file)).status, 200)
    assert.ok((await ask(`${index.url}${path}`)).bytes.equals(file.bytes))
    assert.equal((await ask(`${index.url}${path}.metadata`)).text, file.metadata)
  })

  /** The rows give the page again, byte for byte; nobody else is asked meanwhile. */
  async function assertRendered(index: IndexUnderTest): Promise<void> {
    const { filename } = buildWheel({ name: 'corp-foo', version: '1.0' })
    assert.deepEqual(await index.filenames('corp-foo'), [filename])
    const html = await ask(`${index.url}/simple/corp-foo/`)
    assert.equal(html.status, 200)
    assert.ok(html.text.includes(`/${filename}#sha256=`))
    assert.deepEqual(upstream.requests, [])
  }

  it('a page body that is missing', async () => {
    await using index = await damaged((at, body) => rm(bodyPath(at, body)))
    await assertRendered(index)
  })

  it('a page body with other bytes', async () => {
    await using index = await damaged(async (at, body) => {
      const bytes = await readFile(bodyPath(at, body))
      await chmod(bodyPath(at, body), 0o600)
      await writeFile(bodyPath(at, body), bytes.toString().replace('corp_foo-1.0', 'corp_foo-6.6'))
    })
    await assertRendered(index)
  })

  it('a page body that is cut short', async () => {
    await using index = await damaged(async (at, body) => {
      await chmod(bodyPath(at, body), 0o600)
      await truncate(bodyPath(at, body), 40)
    })
    await assertRendered(index)
  })

  for (const path of [
    '/simple/corp-foo/',
    '/pypi/corp-foo/json',
    '/why/corp-foo',
    `/files/corp-foo/${'a'.repeat(64)}/corp_foo-1.0-py3-none-any.whl`,
  ]) {
    it(`a database that cannot be read: ${path}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'waxseal-conformance-'))
      await using parts = new AsyncDisposableStack()
      parts.defer(() => rm(folder, { recursive: true, force: true }))
      {
        await using first = await startIndex({ dataDir: folder })
        assert.equal((await first.upload(buildWheel({ name: 'corp-foo', version: '1.0' }))).status, 200)
      }
      const index = parts.use(await startIndex({ dataDir: folder, upstreams: { pypi: upstream } }))
      upstream.clearRequests()
      await garbleDatabase(join(folder, 'waxseal.db'))
      await assertClosed(index, path)
    })
  }
})
