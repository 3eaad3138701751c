import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { GuardError } from '../error.ts'
import type { GuardErrorCode } from '../error.ts'
import type { VerifiedFile, VerifiedPage, VerifiedPages } from '../verified-page.ts'
import { readLocks } from './read-locks.ts'
import { verifyLocks } from './verify-locks.ts'

const ORIGIN = 'https://packages.example/team'
const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const C = 'c'.repeat(64)

const file = (filename: string, sha256: string, more: Partial<VerifiedFile> = {}): VerifiedFile => ({
  filename,
  sha256,
  yanked: false,
  trust: 'signed',
  ...more,
})

/** An index in memory: what it offers, and names whose page does not verify. */
class Offered implements VerifiedPages {
  readonly asked: string[] = []
  readonly #pages: ReadonlyMap<string, readonly VerifiedFile[] | GuardErrorCode>

  constructor(pages: Readonly<Record<string, readonly VerifiedFile[] | GuardErrorCode>>) {
    this.#pages = new Map(Object.entries(pages))
  }

  async page(project: string): Promise<VerifiedPage | undefined> {
    this.asked.push(project)
    const files = this.#pages.get(project)
    if (typeof files === 'string') throw new GuardError(files, `The page of ${project} is not signed.`)
    const withheld = [{ filename: `${project}-9.0.tar.gz`, code: 'file-changed' as const, reason: 'It changed.' }]
    return files && { project, snapshot: 7, issued: 0, status: 'active', sealed: false, files, withheld }
  }
}

const offered = new Offered({
  demo: [
    file('demo-1.0-py3-none-any.whl', A, { trust: 'pinned', pinnedSince: '2026-11-01T00:00:00Z' }),
    file('demo-1.0.tar.gz', B, { trust: 'sealed', yanked: 'broken' }),
    file('demo-2.0.tar.gz', C),
  ],
  broken: 'page-unverified',
})

/** Writes the files, verifies the first, and gives each verdict as `project file-or-hash code (note)`. */
async function verify(files: Readonly<Record<string, string>>, pages = offered, path = Object.keys(files)[0] ?? '') {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-verify-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    const report = await verifyLocks(await readLocks(join(folder, path), {}), pages, ORIGIN)
    const lines = report.locks.flatMap(({ verdicts }) =>
      verdicts.map(({ project, filename, code, notes }) =>
        [project, filename ?? '-', code, ...notes.map((note) => note.code)].join(' '),
      ),
    )
    return { report, lines, verdicts: report.locks.flatMap(({ verdicts }) => verdicts) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const uvLock = (packages: string) => `version = 1\nrevision = 3\nrequires-python = ">=3.12"\n\n${packages}`
const uvPackage = (url: string, hash: string) =>
  uvLock(
    `[[package]]\nname = "demo"\nversion = "1.0"\nsource = { registry = "${ORIGIN}/simple/" }\nwheels = [\n    { url = "${url}", hash = "${hash}", size = 3, upload-time = "2026-01-01T00:00:00Z" },\n]\n`,
  )
const WHEEL_URL = `${ORIGIN}/files/demo/${A}/demo-1.0-py3-none-any.whl`

test('a file that is offered under its name with its sha256 is verified, with its trust and line', async () => {
  const { report, verdicts } = await verify({ 'uv.lock': uvPackage(WHEEL_URL, `sha256:${A}`) })
  assert.deepEqual(verdicts, [
    {
      line: 10,
      project: 'demo',
      version: '1.0',
      filename: 'demo-1.0-py3-none-any.whl',
      code: 'verified',
      sha256: A,
      trust: 'pinned',
      pinnedSince: '2026-11-01T00:00:00Z',
      notes: [],
    },
  ])
  assert.equal(report.ok, true)
  assert.deepEqual(report.locks[0]?.otherSources, [])
})

test('a file of another origin is verified by its hash, and the origin is said', async () => {
  const url = 'https://me:secret@files.example/demo-1.0-py3-none-any.whl?token=secret'
  const { lines, verdicts } = await verify({ 'uv.lock': uvPackage(url, `sha256:${A}`) })
  assert.deepEqual(lines, ['demo demo-1.0-py3-none-any.whl verified other-source'])
  assert.match(verdicts[0]?.notes[0]?.reason ?? '', /files\.example/)
  assert.doesNotMatch(JSON.stringify(verdicts), /secret/)
  // A neighbour on the same host is not the index.
  const beside = await verify({ 'uv.lock': uvPackage(WHEEL_URL.replace('/team/', '/teams/'), `sha256:${A}`) })
  assert.deepEqual(beside.lines, ['demo demo-1.0-py3-none-any.whl verified other-source'])
})

test('another hash than the index offers is told with both, and nothing is verified', async () => {
  const { report, verdicts } = await verify({ 'uv.lock': uvPackage(WHEEL_URL, `sha256:${C}`) })
  const [verdict] = verdicts
  assert.equal(verdict?.code, 'hash-differs')
  assert.equal(verdict?.sha256, C)
  assert.match(verdict !== undefined && 'reason' in verdict ? verdict.reason : '', new RegExp(A))
  assert.deepEqual([report.ok, report.verified, report.unverified], [false, 0, 1])
})

test('what is not offered, or withheld, is told with why', async () => {
  const absent = await verify({ 'uv.lock': uvPackage(WHEEL_URL.replace('1.0-', '3.0-'), `sha256:${A}`) })
  assert.deepEqual(absent.lines, ['demo demo-3.0-py3-none-any.whl not-offered'])
  const withheld = await verify({ 'uv.lock': uvPackage(`${ORIGIN}/demo-9.0.tar.gz`, `sha256:${A}`) })
  assert.deepEqual(withheld.lines, ['demo demo-9.0.tar.gz not-offered'])
  const [verdict] = withheld.verdicts
  assert.match(verdict !== undefined && 'reason' in verdict ? verdict.reason : '', /file-changed.*It changed/)
})

test('a page that does not verify is said of each of its files; an index that does not answer ends it all', async () => {
  const lock = uvLock(
    ['broken', 'demo', 'unknown']
      .map(
        (name) =>
          `[[package]]\nname = "${name}"\nversion = "1.0"\nsource = { registry = "${ORIGIN}/simple" }\nsdist = { url = "${ORIGIN}/${name}-1.0.tar.gz", hash = "sha256:${B}" }\n`,
      )
      .join(''),
  )
  const { lines } = await verify({ 'uv.lock': lock })
  assert.deepEqual(lines, [
    'broken broken-1.0.tar.gz page-unverified',
    'demo demo-1.0.tar.gz verified yanked',
    'unknown unknown-1.0.tar.gz not-offered',
  ])
  await assert.rejects(
    verify({ 'uv.lock': lock }, new Offered({ demo: 'index-unreachable' })),
    (error) => error instanceof GuardError && error.code === 'index-unreachable',
  )
})

test('a uv.lock has folders, repositories, URLs and files of a flat index', async () => {
  const { report, lines } = await verify({
    'uv.lock': uvLock(
      `[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n[[package]]\nname = "lib"\nversion = "0"\nsource = { editable = "lib" }\n` +
        `[[package]]\nname = "repo"\nversion = "0"\nsource = { git = "https://git.example/r?rev=main#0123" }\n` +
        `[[package]]\nname = "demo"\nversion = "1.0"\nsource = { url = "https://files.example/demo-1.0.tar.gz" }\nsdist = { hash = "sha256:${B}" }\n` +
        `[[package]]\nname = "demo"\nversion = "2.0"\nsource = { registry = "../wheels" }\nsdist = { path = "demo-2.0.tar.gz", hash = "sha256:${C}" }\n` +
        `[[package]]\nname = "demo"\nversion = "1.0"\nsource = { path = "x.whl" }\nwheels = [{ filename = "demo-1.0-py3-none-any.whl", hash = "sha256:${A}" }]\n` +
        `[[package]]\nname = "bare"\nversion = "1"\nsource = { registry = "https://one.example/simple" }\nsdist = { url = "https://one.example/bare-1.tar.gz" }\n` +
        `[[package]]\nname = "none"\nversion = "1"\nsource = { registry = "https://one.example/simple" }\n`,
    ),
  })
  assert.deepEqual(lines, [
    'app - local',
    'lib - local',
    'repo - other-source',
    'demo demo-1.0.tar.gz verified other-source yanked',
    'demo demo-2.0.tar.gz verified',
    'demo demo-1.0-py3-none-any.whl verified',
    'bare bare-1.tar.gz unhashed',
    'none - unhashed',
  ])
  assert.equal(report.ok, false)
  assert.deepEqual(
    report.locks[0]?.otherSources.map(({ url }) => url),
    ['https://one.example/simple'],
  )
})

test('a project that is only folders is verified: nothing of it comes from an index', async () => {
  const { report } = await verify({
    'uv.lock': uvLock('[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'),
  })
  assert.deepEqual([report.ok, report.verified, report.unverified], [true, 0, 0])
})

test('a pylock.toml has wheels, sdists, archives, repositories and folders (PEP 751)', async () => {
  const { lines } = await verify({
    'pylock.ci.toml': `lock-version = '1.0'\ncreated-by = 'x'\nunknown = 1
[[packages]]\nname = 'demo'\nversion = '1.0'\nindex = 'https://other.example/simple'
[packages.sdist]\nname = 'demo-1.0.tar.gz'\nupload-time = 2026-01-01T00:00:00Z\nurl = '${ORIGIN}/files/demo-1.0.tar.gz'\nhashes = { sha256 = '${B}', md5 = 'x' }
[[packages.wheels]]\npath = 'wheels/demo-1.0-py3-none-any.whl'\nhashes = { sha256 = '${A}' }
[[packages.wheels]]\nname = 'demo-1.0-cp3-none-any.whl'\nhashes = { sha512 = '${A}${A}' }
[[packages]]\nname = 'demo'\narchive = { url = 'https://files.example/demo-2.0.tar.gz', hashes = { sha256 = '${C}' } }
[[packages]]\nname = 'repo'\nvcs = { type = 'git', url = 'https://git.example/r', commit-id = '0123' }
[[packages]]\nname = 'app'\ndirectory = { path = '.' }
`,
  })
  assert.deepEqual(lines, [
    'demo demo-1.0.tar.gz verified yanked',
    'demo demo-1.0-py3-none-any.whl verified',
    'demo demo-1.0-cp3-none-any.whl unhashed',
    'demo demo-2.0.tar.gz verified other-source',
    'repo - other-source',
    'app - local',
  ])
})

test('poetry.lock and pdm.lock, of every age, list files with hashes', async () => {
  const inPackage = `[[package]]\nname = "Demo"\nversion = "1.0"\nfiles = [\n  {file = "demo-1.0.tar.gz", hash = "sha256:${B}"},\n  {url = "https://files.example/demo-1.0-py3-none-any.whl", hash = "sha256:${A}"},\n]\n`
  const expected = ['demo demo-1.0.tar.gz verified yanked', 'demo demo-1.0-py3-none-any.whl verified other-source']
  assert.deepEqual((await verify({ 'pdm.lock': inPackage })).lines, expected)
  const inMetadata = (key: string) =>
    `[[package]]\nname = "demo"\nversion = "1.0"\n[metadata.files]\n${key} = [{file = "demo-1.0.tar.gz", hash = "sha256:${B}"}]\n`
  assert.deepEqual((await verify({ 'poetry.lock': inMetadata('demo') })).lines, expected.slice(0, 1))
  assert.deepEqual((await verify({ 'pdm.lock': inMetadata('"demo 1.0"') })).lines, expected.slice(0, 1))
  const { lines, report } = await verify({
    'poetry.lock': `[[package]]\nname = "repo"\nversion = "1"\nfiles = []\n[package.source]\ntype = "git"\nurl = "https://git.example/r"
[[package]]\nname = "lib"\nversion = "1"\nfiles = []\n[package.source]\ntype = "directory"\nurl = "../lib"
[[package]]\nname = "bare"\nversion = "1"\nfiles = []
[[package]]\nname = "demo"\nversion = "2.0"\nfiles = [{file = "demo-2.0.tar.gz", hash = "sha256:${C}"}]\n[package.source]\ntype = "legacy"\nurl = "https://other.example/simple"\n`,
  })
  assert.deepEqual(lines, [
    'repo - other-source',
    'lib - local',
    'bare - unhashed',
    'demo demo-2.0.tar.gz verified other-source',
  ])
  assert.deepEqual(
    report.locks[0]?.otherSources.map(({ url }) => url),
    ['https://other.example/simple'],
  )
})

test('hashes without names each belong to a file of the version, or to none', async () => {
  const pipfile = (hashes: readonly string[], version = '==1.0.0') =>
    JSON.stringify(
      {
        _meta: { 'pipfile-spec': 6, sources: [{ name: 'x', url: 'https://other.example/simple', verify_ssl: true }] },
        default: { demo: { hashes: hashes.map((hash) => `sha256:${hash}`), index: 'x', version } },
        develop: {},
      },
      null,
      4,
    )
  const both = await verify({ 'Pipfile.lock': pipfile([A, B]) })
  assert.deepEqual(both.lines, ['demo demo-1.0-py3-none-any.whl verified', 'demo demo-1.0.tar.gz verified yanked'])
  assert.equal(both.verdicts[0]?.line, 15)
  assert.equal(both.report.locks[0]?.otherSources[0]?.url, 'https://other.example/simple')
  const more = await verify({ 'Pipfile.lock': pipfile([A, 'd'.repeat(64)]) })
  assert.deepEqual(more.lines, ['demo demo-1.0-py3-none-any.whl verified', 'demo - not-offered'])
  // The hash of another version's file is no hash of this one.
  assert.deepEqual((await verify({ 'Pipfile.lock': pipfile([C]) })).lines, ['demo - hash-differs'])
  assert.deepEqual((await verify({ 'Pipfile.lock': pipfile([A], '==3.0') })).lines, ['demo - not-offered'])
  assert.deepEqual((await verify({ 'Pipfile.lock': pipfile([A], '*') })).lines, ['demo - not-locked'])
})

test('requirements are read with all that they include, from the folder of each', async () => {
  const { report, lines } = await verify({
    'requirements.txt': `-r deep/base.txt\n--index-url https://other.example/simple\nfree\n`,
    'deep/base.txt': `-c pins.txt\n-r ../requirements.txt\ndemo==1.0 --hash=sha256:${A} --hash=sha256:${B}\n`,
    'deep/pins.txt': `demo==2.0 --hash=sha256:${C}\nignored==1\n`,
  })
  assert.deepEqual(lines, [
    'free - not-locked',
    'demo demo-1.0-py3-none-any.whl verified',
    'demo demo-1.0.tar.gz verified yanked',
    'demo demo-2.0.tar.gz verified',
  ])
  assert.deepEqual(
    report.locks.map(({ otherSources }) => otherSources.map(({ line }) => line)),
    [[2], [], []],
  )
  await unreadable({ 'requirements.txt': '-r https://other.example/requirements.txt\n' }, /line 1/)
  await unreadable({ 'requirements.txt': '-r absent.txt\n' }, /absent\.txt.*ENOENT/)
})

test('a folder is hashed, every distribution in it; so is a single one', async () => {
  const content = 'the bytes of a wheel'
  const sha256 = createHash('sha256').update(content).digest('hex')
  const pages = new Offered({ demo: [file('demo-1.0-py3-none-any.whl', sha256), file('demo-1.0.zip', A)] })
  const files = {
    'dist/demo-1.0-py3-none-any.whl': content,
    'dist/demo-1.0.zip': content,
    'dist/not-a-wheel.whl': content,
    'dist/README.md': content,
  }
  const { lines } = await verify(files, pages, 'dist')
  assert.deepEqual(lines, [
    'demo demo-1.0-py3-none-any.whl verified',
    'demo demo-1.0.zip hash-differs',
    ' not-a-wheel.whl not-locked',
  ])
  assert.deepEqual((await verify(files, pages)).lines, ['demo demo-1.0-py3-none-any.whl verified'])
  await unreadable({ 'dist/README.md': '' }, /holds no/, 'dist')
})

async function unreadable(files: Readonly<Record<string, string>>, message: RegExp, path?: string): Promise<void> {
  await assert.rejects(verify(files, offered, path), (error) => {
    assert.ok(error instanceof GuardError)
    assert.equal(error.code, 'lock-unreadable')
    assert.match(error.message, message)
    return true
  })
}

test('locks of an unknown version, or with what is no sha256, are refused rather than guessed at', async () => {
  await unreadable({ 'uv.lock': 'version = 2\n' }, /version/)
  await unreadable({ 'pylock.toml': 'lock-version = "2.0"\n' }, /lock-version/)
  await unreadable({ 'Pipfile.lock': '{"_meta": {"pipfile-spec": 7}}' }, /pipfile-spec/)
  await unreadable({ 'uv.lock': uvPackage(WHEEL_URL, `sha256:${A.toUpperCase()}`) }, /not a sha256/)
  await unreadable({ 'uv.lock': 'version = ' }, /not TOML/)
  await unreadable({ 'Pipfile.lock': '{' }, /not JSON/)
  await unreadable({ 'uv.lock': uvLock('[[package]]\nname = "../x"\nsource = { virtual = "." }\n') }, /name/)
})

test('each project is asked for once, however many of its files are locked', async () => {
  const pages = new Offered({ demo: [file('demo-1.0.tar.gz', A)] })
  const { lines } = await verify({ 'requirements.txt': `demo==1.0 --hash=sha256:${A}\n`.repeat(300) }, pages)
  assert.equal(lines.length, 300)
  assert.deepEqual(pages.asked, ['demo'])
})

test('a lock of one endless line is read in linear time', async () => {
  const hashes = Array.from({ length: 100_000 }, (_, at) => `"sha256:${at.toString(16).padStart(64, '0')}"`)
  const lock = `{"_meta":{"pipfile-spec":6},"default":{"demo":{"version":"==1.0","hashes":[${hashes.join(',')}]}}}`
  const before = performance.now()
  const { report } = await verify({ 'Pipfile.lock': lock })
  assert.equal(report.unverified, 100_000)
  assert.ok(performance.now() - before < 10_000)
})
