import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { buildTar, pax } from '../test/tar-builder.ts'
import type { BuiltTarMember } from '../test/tar-builder.ts'
import { buildZip } from '../test/zip-builder.ts'
import { PackagingError } from './error.ts'
import { inspectSdist } from './sdist-inspection.ts'
import type { SdistInspection } from './sdist-inspection.ts'

const TOP = 'foo-1.0'
const PKG_INFO = 'Metadata-Version: 2.2\nName: foo\nVersion: 1.0\n'
const BASE: readonly BuiltTarMember[] = [
  { name: `${TOP}/`, type: '5' },
  { name: `${TOP}/PKG-INFO`, data: PKG_INFO },
  { name: `${TOP}/pyproject.toml`, data: '[build-system]\n' },
]

async function* chunked(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function inspectBytes(bytes: Uint8Array, filename = `${TOP}.tar.gz`): Promise<SdistInspection> {
  return inspectSdist(chunked(bytes), filename, { project: 'foo', version: '1.0', compressedSize: bytes.length })
}

function inspect(members: readonly BuiltTarMember[]): Promise<SdistInspection> {
  return inspectBytes(gzipSync(buildTar([...BASE, ...members])))
}

async function refused(reason: RegExp, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof PackagingError, String(error))
    assert.match(error.message, reason)
    return true
  })
}

test('a good sdist: what is returned was proven', async () => {
  const long = `${TOP}/${'d'.repeat(90)}/${'é'.repeat(60)}.py`
  const found = await inspect([
    pax({ comment: 'a commit' }, 'g'),
    pax({ path: long, mtime: '1.5' }),
    { name: 'short', data: 'x = 1\n' },
    { name: '././@LongLink', type: 'L', data: `${TOP}/${'l'.repeat(120)}\0` },
    { name: 'short' },
    { name: 'deep.py', prefix: `${TOP}/a`, data: 'y' },
    { name: `${TOP}/a/link`, type: '2', link: '../PKG-INFO' },
    { name: `${TOP}/hard`, type: '1', link: `${TOP}/PKG-INFO` },
  ])
  assert.equal(Buffer.from(found.pkgInfo).toString(), PKG_INFO)
  assert.equal(found.topDirectory, TOP)
  assert.equal(found.hasPyproject, true)
  assert.equal(found.memberCount, 8)
  for (const path of [long.slice(8), 'l'.repeat(120), 'a/deep.py', 'a/link', 'hard']) assert.ok(found.has(path), path)
  assert.ok(!found.has('a') && !found.has('nothing'))
})

test('chunks of any size give the same', async () => {
  const bytes = gzipSync(buildTar(BASE))
  for (const size of [1, 7, 512, 100_000]) {
    const found = await inspectSdist(chunked(bytes, size), 'foo-1.0.tar.gz', { project: 'foo', version: '1.0' })
    assert.equal(found.memberCount, 3)
  }
})

test('TAR-SYM: links that leave the archive, go through links, or point nowhere', async () => {
  const link = (target: string): BuiltTarMember => ({ name: `${TOP}/l`, type: '2', link: target })
  for (const target of ['/etc/passwd', '../../x', '..\\x', 'C:/x', '../..', '../other/../..']) {
    await refused(/leaves the archive/, inspect([link(target)]))
  }
  await refused(/leaves the archive/, inspect([link('sub'), { name: `${TOP}/m`, type: '2', link: 'l/../x' }]))
  await refused(/below a file or link/, inspect([link('sub'), { name: `${TOP}/l/x`, data: 'x' }]))
  await refused(/below a file or link/, inspect([{ name: `${TOP}/l/x`, data: 'x' }, link('sub')]))
  await refused(/file before it/, inspect([{ name: `${TOP}/h`, type: '1', link: '../../etc/passwd' }]))
  await refused(/file before it/, inspect([link('PKG-INFO'), { name: `${TOP}/h`, type: '1', link: `${TOP}/l` }]))
  await refused(/Malformed link/, inspect([link('')]))
})

test('TAR-DEV: devices, pipes and types that readers take differently', async () => {
  for (const type of ['3', '4', '6']) await refused(/Devices/, inspect([{ name: `${TOP}/d`, type }]))
  for (const type of ['7', 'V', 'M', 'D', 'X', 'z'])
    await refused(/Unsupported type/, inspect([{ name: `${TOP}/d`, type }]))
})

test('TAR-SPARSE: GNU sparse members in every form, in the words of Warehouse', async () => {
  const sentence = /^tar archive not accepted: Sparse members are not allowed/
  await refused(sentence, inspect([{ name: `${TOP}/s`, type: 'S' }]))
  for (const key of ['GNU.sparse.major', 'GNU.sparse.name', 'GNU.sparse.size', 'GNU.sparse.map']) {
    await refused(sentence, inspect([pax({ [key]: '1' }), { name: `${TOP}/s` }]))
  }
})

test('TAR-SYM: pax and GNU overrides that readers apply differently', async () => {
  const file: BuiltTarMember = { name: `${TOP}/f`, data: 'x' }
  await refused(/overrides size/, inspect([pax({ size: '0' }), file]))
  await refused(/unsafe path/, inspect([pax({ path: '../../x' }), file]))
  await refused(/overrides path/, inspect([pax({ path: `${TOP}/g` }, 'g'), file]))
  await refused(/override path/, inspect([pax({ path: `${TOP}/g` }), pax({ path: `${TOP}/h` }), file]))
  await refused(
    /override path/,
    inspect([pax({ path: `${TOP}/g` }), { name: 'L', type: 'L', data: `${TOP}/h\0` }, file]),
  )
  await refused(/Malformed pax/, inspect([{ name: 'p', type: 'x', data: '99 path=x\n' }, file]))
  await refused(/Malformed pax/, inspect([{ name: 'p', type: 'x', data: '8 path=x\n' }, file]))
  await refused(/Malformed GNU/, inspect([{ name: 'L', type: 'L', data: `${TOP}/a\0b` }, file]))
  await refused(/before nothing/, inspect([pax({ comment: 'x', path: `${TOP}/g` })]))
  await refused(/too large/, inspect([{ name: 'p', type: 'x', data: Buffer.alloc(70_000) }, file]))
})

test('TAR-SYM: a header named like a directory hides members from us that Python would unpack', async () => {
  const hidden = buildTar([{ name: `${TOP}/setup.py`, data: 'evil' }], { open: true })
  const reason = /name of a directory/
  await refused(reason, inspect([pax({ path: `${TOP}/f` }), { name: 'x/', type: '\0', data: hidden }]))
  await refused(
    reason,
    inspect([
      { name: 'L', type: 'L', data: `${TOP}/f\0` },
      { name: 'x/', type: '\0', data: hidden },
    ]),
  )
  await refused(reason, inspect([pax({ path: `${TOP}/f` }), { name: '', prefix: 'x', type: '\0', data: hidden }]))
  await refused(reason, inspect([pax({ path: `${TOP}/f/` }), { name: 'x', type: '\0', data: 'x' }]))
  await inspect([pax({ path: `${TOP}/f` }), { name: 'x', type: '\0', data: 'x' }])
})

test('TAR-SYM: a prefix where not every reader puts it before the name', async () => {
  const outside = { prefix: '../../..', data: 'x' }
  for (const magic of ['ustar  \0', 'ustar\0xx', 'ustar\0 \0', '\0'.repeat(8)]) {
    await refused(/prefix/, inspect([{ name: `${TOP}/f`, magic, ...outside }]))
    await refused(/prefix/, inspect([{ ...pax({ path: `${TOP}/f` }), magic, ...outside }, { name: 'f' }]))
    await refused(/prefix/, inspect([{ name: 'L', type: 'L', magic, ...outside }]))
    await inspect([{ name: `${TOP}/f`, magic }])
  }
})

test('TAR-BOMB: deep paths and long link targets, which would take time by the square of their length', async () => {
  await refused(/too deep/, inspect([pax({ path: `${TOP}/${'a/'.repeat(400)}f` }), { name: 'f' }]))
  const link = (target: string): Promise<unknown> =>
    inspect([pax({ linkpath: target }), { name: `${TOP}/l`, type: '2', link: 'x' }])
  await refused(/too long/, link('a/'.repeat(400)))
  await refused(/too long/, link('a'.repeat(2000)))
  await link(`${'./'.repeat(400)}PKG-INFO`)
  await link(`${'a/'.repeat(30)}${'../'.repeat(30)}PKG-INFO`)
  await refused(/leaves the archive/, link(`${'a/'.repeat(30)}${'../'.repeat(31)}PKG-INFO`))
  const wide = Array.from({ length: 5000 }, (_, index) => ({ name: `${TOP}/${index}/${'a/'.repeat(40)}f` }))
  await refused(/more than 200000 files and directories/, inspect(wide))
})

test('TAR-BOMB: an inspection with a budget gives up where it is used up, however small the file', async () => {
  const within = (members: readonly BuiltTarMember[], budget: { bytes: number; members: number }): Promise<unknown> =>
    inspectSdist(chunked(gzipSync(buildTar([...BASE, ...members]))), `${TOP}.tar.gz`, {
      project: 'foo',
      version: '1.0',
      budget,
    })
  const large: BuiltTarMember = { name: `${TOP}/zeros`, data: Buffer.alloc(3_000_000) }
  const limit = { name: 'PackagingError', code: 'limit-exceeded' }
  await within([large], { bytes: 4_000_000, members: 4 })
  await assert.rejects(within([large], { bytes: 1_000_000, members: 4 }), limit)
  await assert.rejects(within([large], { bytes: 4_000_000, members: 3 }), limit)
})

test('names that only Windows changes may stand in an sdist, which is built elsewhere', () =>
  inspect(['aux.py', 'a:b', 'dot.', 'con'].map((name) => ({ name: `${TOP}/${name}` }))).then((found) =>
    assert.ok(found.has('aux.py')),
  ))

test('paths, duplicates and top directories', async () => {
  for (const name of ['/x', '../x', `${TOP}/../x`, `${TOP}/a\\b`, `${TOP}/./x`]) {
    await refused(/unsafe path/, inspect([{ name }]))
  }
  await refused(/appears twice/, inspect([{ name: `${TOP}/PKG-INFO`, data: PKG_INFO }]))
  await refused(/Incorrect number of top-level/, inspect([{ name: 'bar/x' }]))
  await refused(/name of a directory/, inspect([{ name: `${TOP}/x/` }]))
  const other = BASE.map((member) => ({ ...member, name: member.name.replace(TOP, 'foo-2.0') }))
  await refused(/not named like the file/, inspectBytes(gzipSync(buildTar(other))))
  await inspect([{ name: `${TOP}/`, type: '5' }])
})

test('PKG-INFO: there, a file, and of this project and version', async () => {
  const of = (data: string): Promise<unknown> => inspectBytes(gzipSync(buildTar([{ name: `${TOP}/PKG-INFO`, data }])))
  await of(PKG_INFO)
  await refused(/another project/, of(PKG_INFO.replace('foo', 'bar')))
  await refused(/another version/, of(PKG_INFO.replace('1.0', '1.1')))
  await refused(/PKG-INFO not found/, inspectBytes(gzipSync(buildTar([{ name: `${TOP}/x`, data: 'x' }]))))
})

test('FN-AMB: the file name is the one of this project and version', async () => {
  const bytes = gzipSync(buildTar(BASE))
  for (const filename of ['foo-1.0.zip', 'Foo-1.0.tar.gz', 'foo-1.0.0-x.tar.gz'])
    await refused(/file name/, inspectBytes(bytes, filename))
  for (const filename of ['bar-1.0.tar.gz', 'foo-1.1.tar.gz'])
    await refused(/another project or version/, inspectBytes(bytes, filename))
})

test('framing: truncated, wrong checksum, data behind the end, no end', async () => {
  await refused(/Malformed tar header/, inspect([{ name: `${TOP}/x`, checksum: 1 }]))
  await refused(
    /Truncated/,
    inspectBytes(gzipSync(buildTar([...BASE, { name: `${TOP}/x`, size: 5000, data: 'x' }], { open: true }))),
  )
  await refused(/Truncated/, inspectBytes(gzipSync(buildTar(BASE, { open: true }))))
  const bytes = Buffer.concat([buildTar(BASE), buildTar([{ name: `${TOP}/hidden`, data: 'x' }])])
  await refused(/Trailing data/, inspectBytes(gzipSync(bytes)))
})

test('gzip: exactly one member, whole and right', async () => {
  const bytes = gzipSync(buildTar(BASE))
  await refused(/Trailing data/, inspectBytes(Buffer.concat([bytes, gzipSync('more')])))
  await refused(/Trailing data/, inspectBytes(Buffer.concat([bytes, Buffer.from('x')])))
  await refused(/Trailing data/, inspectBytes(Buffer.concat([bytes, Buffer.alloc(300_000)])))
  await refused(/gzip|Truncated/, inspectBytes(bytes.subarray(0, -3)))
  await refused(/gzip|Truncated/, inspectBytes(bytes.subarray(0, 40)))
  const changed = Buffer.from(bytes)
  changed[changed.length - 6] = (changed[changed.length - 6] ?? 0) ^ 1
  await refused(/checksum/, inspectBytes(changed))
  await refused(/Not a gzip/, inspectBytes(Buffer.from('BZh91AY&SY, and more')))
  await refused(/Not a gzip/, inspectBytes(new Uint8Array(0)))
})

test('ZIP-TAR: an sdist that Python opens as a ZIP archive as well', async () => {
  // Stored, so that the end record stands in the file as it is.
  const zip = Buffer.from(buildZip([{ name: 'x', data: 'y' }])).toString('latin1')
  const members = [...BASE, { name: `${TOP}/x.zip`, data: Buffer.from(zip, 'latin1') }]
  await refused(/also a ZIP archive/, inspectBytes(gzipSync(buildTar(members), { level: 0 })))
})

test('TAR-BOMB: a ratio above 50 beyond 64 MiB', async () => {
  const bomb = gzipSync(buildTar([...BASE, { name: `${TOP}/zeros`, data: Buffer.alloc(80 * 1024 * 1024) }]))
  await refused(/ratio of 50/, inspectBytes(bomb))
  await refused(/ratio of 50/, inspectSdist(chunked(bomb), 'foo-1.0.tar.gz', { project: 'foo', version: '1.0' }))
})

test('TAR-BOMB: more members than an archive may have', async () => {
  const header = buildTar([{ name: `${TOP}/`, type: '5' }], { open: true })
  const many = gzipSync(Buffer.concat([...Array.from({ length: 100_001 }, () => header), Buffer.alloc(1024)]))
  await refused(/More than 100000 members/, inspectBytes(many))
})

test('the failure of the input is passed on as it is', async () => {
  const failure = new Error('connection')
  const failing = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield gzipSync(buildTar(BASE)).subarray(0, 60)
    throw failure
  }
  const attempt = inspectSdist(failing(), 'foo-1.0.tar.gz', { project: 'foo', version: '1.0' })
  await assert.rejects(attempt, (error) => error === failure)
})

test('whatever bytes are changed, in the tar or in the gzip, the answer is a PackagingError or the same PKG-INFO', async () => {
  const tar = buildTar(BASE)
  const change = fc.tuple(fc.nat(tar.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean(), async (changes, inside) => {
      const bytes = inside ? Buffer.from(tar) : gzipSync(tar)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      try {
        const found = await inspectBytes(inside ? gzipSync(bytes) : bytes)
        if (!inside) assert.equal(Buffer.from(found.pkgInfo).toString(), PKG_INFO)
      } catch (error) {
        if (!(error instanceof PackagingError)) throw error
      }
    }),
    { numRuns: 400 },
  )
})
