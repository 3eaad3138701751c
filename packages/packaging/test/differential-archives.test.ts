import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js'
import fc from 'fast-check'
import { bytesSource, hashZipEntry, PackagingError, readZipDirectory, writeWheel } from '../src/index.ts'
import { refuseMemberPath } from '../src/member-path.ts'
import { readTar } from '../src/tar-reader.ts'
import { buildTar, pax } from './tar-builder.ts'
import type { BuiltTarMember } from './tar-builder.ts'
import { buildZip, zip64Extra } from './zip-builder.ts'
import type { ArchiveOverrides, BuiltEntry } from './zip-builder.ts'

const SEED = 20_261_122
const ARCHIVES = 3000
const PYTHON = 'python3'
const hasPython = spawnSync(PYTHON, ['-c', ''], { env: { PATH: process.env['PATH'] } }).status === 0
const skip = hasPython || process.env['CI'] !== undefined ? false : 'python3 is not there'

/** Reads every file named on standard input and answers with one line of JSON each: the members, or null for a refusal. */
const ORACLE = `
import sys, json, hashlib, zipfile, tarfile
def read_zip(path):
    with zipfile.ZipFile(path) as z:
        return [[i.filename, i.file_size, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()]
def read_tar(path):
    with tarfile.open(path, 'r:gz') as t:
        return [[m.name, m.size, hashlib.sha256(t.extractfile(m).read()).hexdigest()] for m in t if m.isreg()]
for line in sys.stdin:
    path = line.rstrip('\\n')
    try:
        out = read_tar(path) if path.endswith('.gz') else read_zip(path)
    except Exception as error:
        out = None
    print(json.dumps(out), flush=False)
`

/** A member that lies where a reader may take it for the data of another. */
const HIDDEN = buildTar([{ name: 'smuggled', data: 'evil' }], { open: true })

type Listing = readonly (readonly [name: string, size: number, sha256: string])[]

const name = fc.oneof(
  fc.stringMatching(/^[a-zé/._-]{1,12}$/),
  fc.constantFrom('a.py', 'b.py', 'd/', '../x', 'a\\b', 'ü/é.py'),
)
const override = fc.record(
  {
    name: fc.constantFrom('a.py', 'other'),
    flags: fc.constantFrom(0, 1, 2, 8, 0x800),
    method: fc.constantFrom(0, 8, 12),
    crc: fc.constantFrom(0, 1),
    compressedSize: fc.constantFrom(0, 3, 60, 0xffff_ffff),
    uncompressedSize: fc.constantFrom(0, 3, 0xffff_ffff),
    extra: fc.constantFrom(zip64Extra(), zip64Extra(3), zip64Extra(3, 3), new Uint8Array(3)),
    attributes: fc.constantFrom(0, 0o100755 * 65536, 0o120777 * 65536),
    offset: fc.constantFrom(0, 31, 40),
  },
  { requiredKeys: [] },
)
/** Mostly nothing wrong, so that a good part is accepted. */
const wrong = fc.option(override, { freq: 6, nil: undefined })
const entry: fc.Arbitrary<BuiltEntry> = fc
  .record({
    name,
    data: fc.uint8Array({ maxLength: 200 }),
    deflate: fc.boolean(),
    both: wrong,
    local: wrong,
    central: wrong,
  })
  .map(({ name: path, data, deflate, both, local, central }) => ({
    name: path,
    data: path.endsWith('/') ? '' : data,
    deflate,
    ...(both !== undefined && { both }),
    ...(local !== undefined && { local }),
    ...(central !== undefined && { central }),
    ...(path.endsWith('/') && central === undefined && { central: { attributes: 0 } }),
  }))
const framing: fc.Arbitrary<ArchiveOverrides> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.constant({ zip64: {} }) },
  fc.constantFrom<ArchiveOverrides>(
    { prefix: Buffer.from('MZ') },
    { suffix: Buffer.from('x') },
    { comment: Buffer.from('comment') },
    { gap: Buffer.alloc(10) },
    { entries: 1 },
    { offset: 0 },
    { size: 46 },
    { zip64: { extensible: Buffer.from('abcd') } },
  ),
)
const mutations = fc.option(fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 2 }), { freq: 3, nil: [] })

function generatedZips(): readonly Uint8Array[] {
  const archive = fc
    .tuple(fc.array(entry, { maxLength: 5 }), framing, mutations)
    .map(([entries, overrides, changes]) => {
      const bytes = buildZip(entries, overrides)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  return fc.sample(archive, { numRuns: ARCHIVES, seed: SEED })
}

/** What we make of an archive; `undefined` when it is refused. */
async function ourZip(bytes: Uint8Array): Promise<Listing | undefined> {
  const source = bytesSource(bytes)
  try {
    const listing: (readonly [string, number, string])[] = []
    for (const member of await readZipDirectory(source)) {
      const { sha256Base64Url, size } = await hashZipEntry(source, member)
      listing.push([member.name, size, Buffer.from(sha256Base64Url, 'base64url').toString('hex')])
    }
    return listing
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}

/** One run of Python for all files. */
async function askPython(files: readonly Uint8Array[], extension: string): Promise<readonly (Listing | null)[]> {
  const directory = await mkdtemp(join(tmpdir(), 'archives-'))
  try {
    const paths = files.map((_, index) => join(directory, `${index}${extension}`))
    await Promise.all(files.map((bytes, index) => writeFile(paths[index] ?? '', bytes)))
    const run = spawnSync(PYTHON, ['-c', ORACLE], {
      input: `${paths.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      env: { PATH: process.env['PATH'] },
    })
    assert.equal(run.status, 0, run.stderr)
    return run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Listing | null)
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('what we accept, Python zipfile reads with the same names, sizes and bytes', { skip }, async () => {
  const wheel = writeWheel({ name: 'foo', version: '1.0', metadata: 'x', files: new Map([['é.py', 'y']]) })
  const archives = [wheel, ...generatedZips()]
  const theirs = await askPython(archives, '.zip')
  let accepted = 0
  for (const [index, bytes] of archives.entries()) {
    const ours = await ourZip(bytes)
    if (ours === undefined) continue
    accepted += 1
    assert.deepEqual(theirs[index], ours, `archive ${index}: ${Buffer.from(bytes).toString('base64')}`)
  }
  assert.ok(accepted > ARCHIVES / 20, `only ${accepted} accepted: the comparison says little`)
  assert.ok(accepted < archives.length * 0.9, 'nearly all accepted: the comparison says little')
})

test('what we accept, zip.js in its strict mode reads with the same names, sizes and bytes', async () => {
  for (const [index, bytes] of generatedZips().entries()) {
    const ours = await ourZip(bytes)
    if (ours === undefined || ours.length === 0) continue
    const reader = new ZipReader(new Uint8ArrayReader(bytes), {
      strictness: 'strict',
      checkSignature: true,
      useWebWorkers: false,
    })
    const theirs: (readonly [string, number, string])[] = []
    for (const member of await reader.getEntries()) {
      const data = member.directory ? new Uint8Array(0) : await member.getData(new Uint8ArrayWriter())
      theirs.push([member.filename, member.uncompressedSize, createHash('sha256').update(data).digest('hex')])
    }
    await reader.close()
    assert.deepEqual(theirs, ours, `archive ${index}: ${Buffer.from(bytes).toString('base64')}`)
  }
})

test('REC-DEL: no path that we accept is more than one line for Python', { skip }, () => {
  const list = 'print([i for i in range(0x110000) if len((chr(97) + chr(i) + chr(98)).splitlines()) > 1])'
  const run = spawnSync(PYTHON, ['-c', list], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
  const lineEnds = JSON.parse(run.stdout) as readonly number[]
  assert.ok(lineEnds.length >= 10, run.stdout)
  for (const code of lineEnds)
    assert.notEqual(refuseMemberPath(`a${String.fromCodePoint(code)}b`), undefined, `${code}`)
})

test(
  'what we accept of tar archives, Python tarfile reads with the same names, sizes and bytes',
  { skip },
  async () => {
    const file: fc.Arbitrary<readonly BuiltTarMember[]> = fc
      .tuple(fc.stringMatching(/^[a-zé]{1,12}$/), fc.uint8Array({ maxLength: 700 }), fc.nat(12))
      .map(([path, data, kind]) => {
        const plain: BuiltTarMember = { name: path, data }
        if (kind === 0) return [pax({ path: `p/${path}` }), plain]
        if (kind === 1) return [pax({ size: String(data.length) }), plain]
        if (kind === 2) return [{ name: 'L', type: 'L', data: `${'l'.repeat(150)}/${path}\0` }, plain]
        if (kind === 3) return [{ ...plain, prefix: 'prefix' }]
        if (kind === 4) return [pax({ comment: 'c' }, 'g'), plain]
        if (kind === 5) return [pax({ size: '3' }), plain]
        if (kind === 6) return [{ ...plain, type: '\0' }]
        if (kind === 7) return [pax({ path: `p/${path}` }), { name: 'x/', type: '\0', data: HIDDEN }]
        if (kind === 8) return [{ ...plain, prefix: 'prefix', magic: 'ustar  \0' }]
        if (kind === 9) return [{ ...plain, prefix: 'prefix', magic: 'ustar\0xx' }]
        return [plain]
      })
    const archive = fc.tuple(fc.array(file, { maxLength: 5 }), mutations).map(([files, changes]) => {
      const bytes = buildTar(files.flat())
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
    const archives = fc.sample(archive, { numRuns: 1000, seed: SEED })
    const theirs = await askPython(
      archives.map((bytes) => gzipSync(bytes, { level: 1 })),
      '.tar.gz',
    )
    let accepted = 0
    for (const [index, bytes] of archives.entries()) {
      const ours = await ourTar(bytes)
      if (ours === undefined) continue
      accepted += 1
      assert.deepEqual(theirs[index], ours, `archive ${index}`)
    }
    assert.ok(accepted > 200, `only ${accepted} accepted: the comparison says little`)
  },
)

test('TAR-SYM: what a tar header hides from other readers, Python tarfile reads, and we refuse', { skip }, async () => {
  const digest = createHash('sha256').update('evil').digest('hex')
  const cases: readonly (readonly [archive: Uint8Array, python: string])[] = [
    [buildTar([pax({ path: 'f' }), { name: 'x/', type: '\0', data: HIDDEN }]), 'smuggled'],
    [
      buildTar([
        { name: 'L', type: 'L', data: 'f\0' },
        { name: 'x/', type: '\0', data: HIDDEN },
      ]),
      'smuggled',
    ],
    [buildTar([{ name: 'smuggled', data: 'evil', prefix: '../..', magic: 'ustar  \0' }]), '../../smuggled'],
    [buildTar([{ name: 'smuggled', data: 'evil', prefix: '../..', magic: 'ustar\0xx' }]), '../../smuggled'],
    [buildTar([{ name: 'smuggled', data: 'evil', prefix: '../..', magic: '\0'.repeat(8) }]), '../../smuggled'],
  ]
  const theirs = await askPython(
    cases.map(([bytes]) => gzipSync(bytes)),
    '.tar.gz',
  )
  for (const [index, [bytes, path]] of cases.entries()) {
    assert.equal(await ourTar(bytes), undefined, `case ${index}`)
    assert.deepEqual(theirs[index], [[path, 4, digest]], `case ${index}`)
  }
})

async function ourTar(bytes: Uint8Array): Promise<Listing | undefined> {
  const listing: { path: string; size: number; hash: ReturnType<typeof createHash> }[] = []
  try {
    await readTar(once(bytes), ({ path, kind, size }) => {
      if (kind !== 'file') return undefined
      const hash = createHash('sha256')
      listing.push({ path, size, hash })
      return (data) => hash.update(data)
    })
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
  return listing.map(({ path, size, hash }) => [path, size, hash.digest('hex')])
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}
