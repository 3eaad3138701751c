import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildZip } from '../test/zip-builder.ts'
import type { BuiltEntry } from '../test/zip-builder.ts'
import { bytesSource } from './byte-source.ts'
import { PackagingError } from './error.ts'
import { inspectWheel } from './wheel-inspection.ts'
import type { WheelInspection } from './wheel-inspection.ts'
import { writeWheel } from './wheel-writer.ts'

const FILENAME = 'foo-1.0-py3-none-any.whl'
const DIST = 'foo-1.0.dist-info'
const METADATA = 'Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n'
const WHEEL = 'Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n'

interface Parts {
  readonly files?: Readonly<Record<string, string>>
  /** Replaces or, with `undefined`, removes a file of `.dist-info`. */
  readonly metadata?: string | undefined
  readonly wheel?: string | undefined
  readonly record?: (rows: readonly string[]) => readonly string[] | undefined
  readonly filename?: string
  readonly entries?: readonly BuiltEntry[]
}

function row(path: string, data: string): string {
  return `${path},sha256=${createHash('sha256').update(data).digest('base64url')},${Buffer.byteLength(data)}`
}

function inspect(parts: Parts): Promise<WheelInspection> {
  const files = new Map<string, string>(Object.entries(parts.files ?? { 'foo/__init__.py': 'x = 1\n' }))
  const metadata = 'metadata' in parts ? parts.metadata : METADATA
  const wheel = 'wheel' in parts ? parts.wheel : WHEEL
  if (metadata !== undefined) files.set(`${DIST}/METADATA`, metadata)
  if (wheel !== undefined) files.set(`${DIST}/WHEEL`, wheel)
  const rows = [...files].map(([path, data]) => row(path, data))
  const record = (parts.record ?? ((all) => all))([...rows, `${DIST}/RECORD,,`])
  if (record !== undefined) files.set(`${DIST}/RECORD`, `${record.join('\n')}\n`)
  const bytes = buildZip([
    ...[...files].map(([name, data]) => ({ name, data, deflate: true })),
    ...(parts.entries ?? []),
  ])
  return inspectWheel(bytesSource(bytes), parts.filename ?? FILENAME)
}

async function refused(parts: Parts, reason: RegExp): Promise<void> {
  await assert.rejects(inspect(parts), (error) => {
    assert.ok(error instanceof PackagingError, String(error))
    assert.match(error.message, reason)
    return true
  })
}

test('a good wheel: what is returned was proven', async () => {
  const files = {
    'foo/__init__.py': 'x = 1\n',
    'six.py': '',
    'foo-1.0.data/purelib/bar/b.py': '1',
    'foo-1.0.data/scripts/run': '#!python\n',
    [`${DIST}/entry_points.txt`]: '[console_scripts]\nfoo = foo:main\n',
    [`${DIST}/licenses/LICENSE`]: 'free',
  }
  const found = await inspect({ files, entries: [{ name: 'foo/', central: { attributes: 0 } }] })
  assert.equal(Buffer.from(found.metadata).toString(), METADATA)
  assert.deepEqual(found.wheelTags, ['py3-none-any'])
  assert.deepEqual(found.topLevelNames, ['bar', 'foo', 'six.py'])
  assert.equal(found.distInfoDirectory, DIST)
  assert.equal(found.entryPointsText, files[`${DIST}/entry_points.txt`])
  assert.equal(found.hasPth, false)
  assert.equal(found.memberCount, 10)
  assert.equal(found.recordEntries.length, 9)
  assert.ok(found.has(`${DIST}/licenses/LICENSE`) && !found.has('foo/') && !found.has('nothing'))
})

test('WHL-PTH: a .pth file in site-packages is told', async () => {
  assert.equal((await inspect({ files: { 'x.PTH': '' } })).hasPth, true)
  assert.equal((await inspect({ files: { 'foo-1.0.data/platlib/x.pth': '' } })).hasPth, true)
  const inData = 'foo-1.0.data/data/lib/python3.13/site-packages/x.pth'
  assert.equal((await inspect({ files: { [inData]: '' } })).hasPth, true)
  assert.equal((await inspect({ files: { 'foo/x.pth': '' } })).hasPth, false)
})

test('WHL-PATH: paths that leave their place, are absolute, or mean something else elsewhere', async () => {
  const bad = [
    '../x',
    '/x',
    'a/../x',
    'a//x',
    './x',
    'a\\x',
    'C:x',
    'foo-1.0.data/data/../../x',
    'a\u202etxt',
    'a/'.repeat(600) + 'x',
  ]
  for (const path of bad) await refused({ files: { [path]: '' } }, /unsafe path/)
})

test('WHL-CASE: what falls together on some file system', async () => {
  await refused({ files: { 'Foo.py': '', 'foo.py': '' } }, /collide/)
  await refused({ files: { 'A/x.py': '', 'a/y.py': '' } }, /collide/)
  await refused({ files: { 'caf\u00e9.py': '', 'cafe\u0301.py': '' } }, /collide/)
  await refused({ files: { 'stra\u00dfe.py': '', 'STRASSE.py': '' } }, /collide/)
  await refused({ files: { foo: '', 'foo/x.py': '' } }, /collide/)
  for (const name of ['con', 'foo/AUX.py', 'nul.txt', 'com1', 'foo.', 'foo /x'])
    await refused({ files: { [name]: '' } }, /unsafe path/)
})

test('WHL-DIST: one .dist-info, named like the file, METADATA that says the same', async () => {
  await refused({ files: { 'bar-1.0.dist-info/METADATA': METADATA } }, /2 \.dist-info/)
  await refused({ filename: 'Foo-1.0-py3-none-any.whl' }, /not named like the file/)
  await refused({ filename: 'foo-1.0.0-py3-none-any.whl' }, /not named like the file/)
  await refused({ metadata: METADATA.replace('foo', 'bar') }, /another project/)
  await refused({ metadata: METADATA.replace('1.0\n', '1.1\n') }, /another version/)
  await refused({ metadata: undefined }, /METADATA/)
  await refused({ files: { 'bar-1.0.data/purelib/x.py': '' } }, /\.data directory is not named/)
  await refused({ files: { 'foo-1.0.data/elsewhere/x.py': '' } }, /\.data directory holds/)
  await inspect({ metadata: METADATA.replace('1.0\n', '1.0.0\n').replace('Name: foo', 'Name: FOO') })
})

test('WHL-DIST, WHL-OVER: .data may not install over what was inspected, nor beside it as another distribution', async () => {
  const data = 'foo-1.0.data'
  for (const scheme of ['purelib', 'platlib', 'data/lib/python3.13/site-packages', 'data/lib/Dist-Packages']) {
    for (const name of [`${DIST}/METADATA`, 'requests-99.0.dist-info/METADATA', 'x.Egg-Info/PKG-INFO', 'x.egg-info']) {
      await refused({ files: { [`${data}/${scheme}/${name}`]: '' } }, /metadata of another distribution/)
    }
    await refused({ files: { 'bar.py': '', [`${data}/${scheme}/bar.py`]: '' } }, /both installed as 'bar\.py'/)
    await refused({ files: { 'bar/a.py': '', [`${data}/${scheme}/Bar/b.py`]: '' } }, /both installed as 'bar'/)
    const apart = await inspect({ files: { 'bar/a.py': '', [`${data}/${scheme}/bar/b.py`]: '' } })
    assert.deepEqual(apart.topLevelNames, ['bar'])
  }
  await refused({ files: { [`${data}/purelib/a.py`]: '', [`${data}/platlib/a.py`]: '' } }, /both installed as/)
  await refused({ files: { 'requests-99.0.egg-info/PKG-INFO': '' } }, /metadata of another distribution/)
  await refused({ entries: [{ name: `${data}/purelib/x-1.0.dist-info/`, central: { attributes: 0 } }] }, /metadata of/)
  await inspect({
    files: { [`${data}/data/share/a.py`]: '', 'share/a.py': '', 'foo/_vendor/x.dist-info/METADATA': '' },
  })
})

test('WHEEL: present, major version 1, tags as in the file name', async () => {
  await refused({ wheel: undefined }, /WHEEL/)
  for (const version of ['2.0', '0.1', '1', ''])
    await refused({ wheel: WHEEL.replace('1.0', version) }, /not supported/)
  await refused({ wheel: WHEEL.replace('Tag: py3-none-any\n', '') }, /no tags/)
  await refused({ wheel: WHEEL.replace('py3-none-any', 'cp39-none-any') }, /tags are not those/)
  await refused({ wheel: `${WHEEL}Tag: py2-none-any\n` }, /tags are not those/)
  await refused({ wheel: `${WHEEL}Build: 1\n` }, /build tag/)
  await refused({ wheel: `${WHEEL}garbage\n` }, /no header/)
  // Python keeps a byte order mark and would find no Wheel-Version.
  await refused({ wheel: `\ufeff${WHEEL}` }, /not supported/)
  const wide = `Tag: ${Array.from({ length: 63 }, (_, index) => `p${index}`).join('.')}-none-any\n`
  await refused({ wheel: WHEEL + wide.repeat(70) }, /too many tags/)
  await inspect({ wheel: `${WHEEL}Tag: py2-none-any\n`, filename: 'foo-1.0-py2.py3-none-any.whl' })
  await inspect({ wheel: `${WHEEL}Build: 007a\n`, filename: 'foo-1.0-7a-py3-none-any.whl' })
})

test('WHL-SCRIPT: scripts that would stand in for the interpreter', async () => {
  for (const name of ['python', 'Python.exe', 'python3.12', 'python3-config', 'sub/x']) {
    await refused({ files: { [`foo-1.0.data/scripts/${name}`]: '' } }, /script/)
  }
  for (const name of ['bin/python3', 'Scripts/python.exe']) {
    await refused({ files: { [`foo-1.0.data/data/${name}`]: '' } }, /script/)
  }
  await inspect({ files: { 'foo-1.0.data/data/bin/pytool': '' } })
  await refused({ files: { [`${DIST}/entry_points.txt`]: '[console_scripts]\npython = a:b\n' } }, /interpreter/)
  await refused({ files: { [`${DIST}/entry_points.txt`]: '\ufeff[console_scripts]\na = a:b\n' } }, /entry_points/)
})

test('REC-MISS: a file that RECORD does not list, RECORD absent, itself not listed', async () => {
  await refused({ record: (rows) => rows.slice(1) }, /not listed/)
  await refused({ record: () => undefined }, /does not contain the required RECORD/)
  await refused({ record: (rows) => rows.slice(0, -1) }, /does not list itself/)
  await refused({ record: (rows) => [...rows, 'foo/ghost.py,sha256=x,1'] }, /not in the wheel/)
  await refused({ record: (rows) => [...rows, rows[0] ?? ''] }, /twice/)
})

test('REC-HASH: a wrong, missing or weak hash, a wrong or missing size', async () => {
  const first = (change: (text: string) => string): Parts => ({
    record: ([head = '', ...tail]) => [change(head), ...tail],
  })
  await refused(
    first((text) => text.replace(/=.{4}/, '=AAAA')),
    /hash of .* is wrong/,
  )
  await refused(
    first((text) => text.replace(/6$/, '7')),
    /size of .* is wrong/,
  )
  await refused(
    first((text) => text.replace(/,6$/, ',')),
    /no hash or no size/,
  )
  await refused(
    first((text) => text.replace(/,sha256=[^,]*/, ',')),
    /no hash or no size/,
  )
  await refused(
    first((text) => text.replace('sha256', 'md5')),
    /too weak/,
  )
  await refused(
    { record: (rows) => [...rows.slice(0, -1), `${rows.at(-1)?.slice(0, -2)},sha256=x,`] },
    /hash of itself/,
  )
})

test('REC-DEL: RECORD that lists what an uninstall would delete elsewhere', async () => {
  for (const path of ['../../home/x', '/etc/passwd', 'foo/../../x', 'C:\\x', 'x\u2028victim/', 'x\u2029victim/']) {
    await refused({ record: (rows) => [...rows, `${path},,`] }, /is unsafe/)
  }
  // pip reads this file's row as two: the second would be deleted.
  await refused({ files: { 'x\u2028victim/__init__.py': '' } }, /unsafe path/)
})

test('RECORD.jws needs no row; a bare directory may have one', async () => {
  await inspect({ entries: [{ name: `${DIST}/RECORD.jws`, data: '{}' }] })
  await inspect({ record: (rows) => [...rows, 'foo/,,'] })
})

test('REC-HASH: what has no digest in RECORD has at least the right checksum', async () => {
  for (const extension of ['jws', 'p7s']) {
    await refused({ entries: [{ name: `${DIST}/RECORD.${extension}`, data: '{}', both: { crc: 1 } }] }, /checksum/)
  }
  const both = { crc: 1, attributes: 0 }
  await refused({ entries: [{ name: 'foo/', both }] }, /checksum/)
  await inspect({ entries: [{ name: 'foo/', deflate: true, both: { attributes: 0 } }] })
})

test('ZIP-BOMB: a RECORD that is longer than the wheel can need is not even decompressed', () =>
  refused({ record: (rows) => [...rows, ','.repeat(1_000_000)] }, /larger than/))

test('ZIP-BOMB: RECORD has no more rows than the wheel can need', () =>
  refused(
    { record: (rows) => [...rows, ...Array.from({ length: 80 }, (_, index) => `d${index}/,,`)] },
    /too many rows/,
  ))

test('ZIP-BOMB: ratio above 50 beyond 64 MiB is refused by the headers, before anything is inflated', async () => {
  const raw = Buffer.alloc(100)
  const both = { uncompressedSize: 70 * 1024 * 1024 }
  await refused({ entries: [{ name: 'bomb', raw, deflate: true, both }] }, /ratio of 50/)
})

test('ZIP-BOMB: an inspection with a budget gives up before it reads a member', async () => {
  const bytes = writeWheel({
    name: 'foo',
    version: '1.0',
    metadata: METADATA,
    files: new Map([['a', 'x'.repeat(1000)]]),
  })
  const limit = { name: 'PackagingError', code: 'limit-exceeded' }
  await inspectWheel(bytesSource(bytes), FILENAME, { budget: { bytes: 2000, members: 4 } })
  await assert.rejects(inspectWheel(bytesSource(bytes), FILENAME, { budget: { bytes: 1000, members: 4 } }), limit)
  await assert.rejects(inspectWheel(bytesSource(bytes), FILENAME, { budget: { bytes: 2000, members: 3 } }), limit)
})

test('MD-HUGE: METADATA above the cap', async () => {
  await refused({ metadata: `${METADATA}\n${'x'.repeat(5 * 1024 * 1024)}` }, /larger than/)
})

test('FN-AMB: a file name that is no wheel', () => refused({ filename: 'foo-1.0.whl' }, /file name/))

test('writeWheel: same content, same bytes, and a wheel that passes', async () => {
  const path = fc.stringMatching(/^[a-z]{1,8}(\/[a-zé]{1,8}){0,2}\.py$/)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.tuple(path, fc.uint8Array()), { selector: ([name]) => name }), async (pairs) => {
      const prefixed = pairs.map(([name, data]) => [`pkg/${name}`, data] as const)
      const content = {
        name: 'Foo.Bar',
        version: '1.0.0-post1',
        metadata: 'Metadata-Version: 2.1\nName: foo-bar\nVersion: 1.0.0.post1\n',
      }
      const bytes = writeWheel({ ...content, files: new Map(prefixed) })
      assert.deepEqual(writeWheel({ ...content, files: new Map(prefixed.toReversed()) }), bytes)
      const found = await inspectWheel(bytesSource(bytes), 'foo_bar-1.0.0.post1-py3-none-any.whl')
      assert.equal(found.memberCount, pairs.length + 3)
    }),
    { numRuns: 60 },
  )
})

test('writeWheel refuses what may not stand in a wheel', () => {
  const content = { name: 'foo', version: '1.0', metadata: METADATA }
  const bad: readonly Parameters<typeof writeWheel>[0][] = [
    { ...content, files: new Map([['../x', '']]) },
    {
      ...content,
      files: new Map([
        ['a', ''],
        ['A', ''],
      ]),
    },
    { ...content, files: new Map([[`${DIST}/RECORD`, '']]) },
    { ...content, files: new Map([['bar-1.0.dist-info/METADATA', '']]) },
    { ...content, files: new Map([['foo-1.0.data/scripts/python', '']]) },
    {
      ...content,
      files: new Map([
        ['a.py', ''],
        ['foo-1.0.data/purelib/a.py', ''],
      ]),
    },
    { ...content, tag: 'py3' },
    { ...content, generator: 'a\nTag: x' },
    { ...content, version: 'x' },
  ]
  for (const wheel of bad) assert.throws(() => writeWheel(wheel), PackagingError)
})

test('writeWheel writes these bytes today and for ever', () => {
  const bytes = writeWheel({ name: 'foo', version: '1.0', metadata: METADATA, files: new Map([['foo.py', 'x = 1\n']]) })
  assert.equal(
    createHash('sha256').update(bytes).digest('hex'),
    'f2cd8ac17b51f968cf31172fcec2591bb7e29dcdb68f144b7229bbf7e44ea787',
  )
})

test('whatever bytes of a good wheel are changed, the answer is the same metadata or a PackagingError', async () => {
  const valid = writeWheel({ name: 'foo', version: '1.0', metadata: METADATA, files: new Map([['foo.py', 'x = 1\n']]) })
  const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Uint8Array.from(valid)
      for (const [at, value] of changes) bytes[at] = value
      try {
        assert.equal(Buffer.from((await inspectWheel(bytesSource(bytes), FILENAME)).metadata).toString(), METADATA)
      } catch (error) {
        if (!(error instanceof PackagingError)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})
