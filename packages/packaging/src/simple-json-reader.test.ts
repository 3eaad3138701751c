import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { parseSimpleJson, readSimpleJson } from './simple-json-reader.ts'
import type { SimpleReading } from './simple-page.ts'

const CONTEXT = { baseUrl: 'https://user:secret@up.example/simple/foo/', project: 'foo' }
const HASH = 'ab'.repeat(32)
const GOOD = { filename: 'foo-1.0-py3-none-any.whl', url: '../../f/foo-1.0-py3-none-any.whl', hashes: { sha256: HASH } }

function read(body: unknown): SimpleReading {
  return readSimpleJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), CONTEXT)
}

function readFile(changes: object): SimpleReading {
  return read({
    meta: { 'api-version': '1.1' },
    name: 'foo',
    files: [
      { ...GOOD, ...changes },
      { ...GOOD, url: 'foo-2.tar.gz', filename: 'foo-2.tar.gz' },
    ],
  })
}

/** The entry is dropped for the reason, the other one stays. */
function dropped(changes: object): string {
  const { page, dropped } = readFile(changes)
  assert.deepEqual(
    page.files.map(({ filename }) => filename),
    ['foo-2.tar.gz'],
  )
  assert.equal(dropped.length, 1)
  return dropped[0]?.reason ?? ''
}

test('a page of PyPI as it is', () => {
  const { page, dropped } = read({
    files: [
      {
        'core-metadata': { sha256: HASH.toUpperCase() },
        'data-dist-info-metadata': { sha256: HASH },
        filename: 'foo-1.0-py3-none-any.whl',
        hashes: { sha256: HASH },
        provenance: null,
        'requires-python': '>=3.8',
        size: 100,
        'upload-time': '2026-08-20T12:34:56.789012Z',
        url: 'https://files.example/foo-1.0-py3-none-any.whl',
        yanked: 'broken',
      },
    ],
    meta: { '_last-serial': 7, 'api-version': '1.4' },
    name: 'foo',
    'project-status': { status: 'deprecated', reason: 'use bar' },
    versions: ['1.0'],
  })
  assert.deepEqual(dropped, [])
  const { meta, ...rest } = page
  assert.equal(meta?.['_last-serial'], 7)
  assert.deepEqual(rest, {
    name: 'foo',
    versions: ['1.0'],
    apiVersion: '1.4',
    status: { status: 'deprecated', reason: 'use bar' },
    files: [
      {
        filename: 'foo-1.0-py3-none-any.whl',
        url: 'https://files.example/foo-1.0-py3-none-any.whl',
        sha256: HASH,
        hashes: new Map([['sha256', HASH]]),
        requiresPython: '>=3.8',
        size: 100,
        uploadTime: '2026-08-20T12:34:56.789012Z',
        yanked: 'broken',
        coreMetadata: { sha256: HASH },
      },
    ],
  })
})

test('links become absolute and lose credentials and fragments', () => {
  const [file] = readFile({ url: `../../f/${GOOD.filename}#sha256=${HASH}` }).page.files
  assert.equal(file?.url, `https://up.example/f/${GOOD.filename}`)
})

test('null and absent optional values are the same', () => {
  const nothing = {
    'requires-python': null,
    size: null,
    'upload-time': null,
    yanked: null,
    'core-metadata': null,
    provenance: null,
  }
  assert.deepEqual(readFile(nothing).page.files, readFile({}).page.files)
  assert.equal(readFile(nothing).page.files[0]?.yanked, false)
})

test('metadata keys of all ages', () => {
  const of = (changes: object): unknown => readFile(changes).page.files[0]?.coreMetadata
  assert.equal(of({ 'core-metadata': true }), true)
  assert.equal(of({ 'core-metadata': false, 'dist-info-metadata': true }), undefined)
  assert.deepEqual(of({ 'dist-info-metadata': { sha256: HASH } }), { sha256: HASH })
  assert.equal(of({ 'data-dist-info-metadata': { md5: 'x' } }), true)
})

test('HASH-NONE and HASH-MD5: no sha256 is told from md5', () => {
  assert.equal(readFile({ hashes: {} }).page.files[0]?.sha256, undefined)
  const [file] = readFile({ hashes: { md5: 'ff'.repeat(16) } }).page.files
  assert.equal(file?.sha256, undefined)
  assert.equal(file?.hashes?.get('md5'), 'ff'.repeat(16))
})

test('FN-POISON: what makes a client fail for the whole page costs one entry', () => {
  assert.match(dropped({ url: 'http://[::1' }), /not an http/)
  assert.match(dropped({ url: null }), /not a string/)
  assert.match(dropped({ 'upload-time': 'yesterday' }), /upload-time/)
  assert.match(dropped({ 'upload-time': '2026-02-30T00:00:00Z' }), /upload-time/)
  assert.match(dropped({ 'upload-time': 12 }), /upload-time/)
  assert.match(dropped({ size: '12' }), /size/)
  assert.match(dropped({ size: -1 }), /size/)
  assert.match(dropped({ size: 1e300 }), /size/)
  assert.match(dropped({ yanked: 1 }), /yanked/)
  assert.match(dropped({ yanked: 'x'.repeat(5000) }), /yanked/)
  assert.match(dropped({ yanked: '\ud800' }), /yanked/)
  assert.match(dropped({ 'core-metadata': 'yes' }), /core-metadata/)
  assert.match(dropped({ 'core-metadata': { sha256: 'zz' } }), /core-metadata/)
  assert.match(dropped({ hashes: { sha256: 'short' } }), /sha256/)
  assert.match(dropped({ hashes: [], filename: 7 }), /filename/)
  assert.match(dropped({ hashes: 'x' }), /hashes/)
  assert.match(dropped({ provenance: 'javascript:alert(1)' }), /provenance/)
})

test('FN-PATH: names that are not safe, or not what the URL says after one decoding', () => {
  assert.match(dropped({ filename: '../x.whl', url: 'x.whl' }), /differs/)
  for (const url of [
    '..%2fx.whl',
    'a%5cb.whl',
    'x%00.whl',
    '%252e%252e%252fx.whl',
    'C%3Ax.whl',
    'x%E2%80%AE.whl',
    `${'a'.repeat(250)}.whl`,
  ]) {
    assert.match(dropped({ filename: decodeURIComponent(url), url }), /not safe/)
  }
  assert.match(dropped({ url: 'dir/' }), /not an http/)
  assert.match(dropped({ url: '%zz.whl' }), /not an http/)
})

test('API-JSURL: only http and https', () => {
  for (const url of [
    'javascript:alert(1)/foo.whl',
    'file:///etc/foo.whl',
    'data:text/plain,/foo.whl',
    'ftp://x/foo.whl',
  ]) {
    assert.match(dropped({ filename: 'foo.whl', url }), /not an http/)
  }
})

test('a hash that is said twice differently', () => {
  assert.match(dropped({ url: `${GOOD.url}#sha256=${'00'.repeat(32)}` }), /two different/)
})

test('a requires-python that cannot be parsed is left out alone, as pip does it', () => {
  const { page, dropped } = readFile({ 'requires-python': '>=banana' })
  assert.equal(page.files.length, 2)
  assert.equal(page.files[0]?.requiresPython, undefined)
  assert.match(dropped[0]?.reason ?? '', /requires-python/)
})

test('FN-POISON: a requires-python without a clause is as good as none', () => {
  for (const empty of ['', ' ', ',', ' , ,']) {
    const { page, dropped } = readFile({ 'requires-python': empty })
    assert.deepEqual([page.files[0]?.requiresPython, dropped], [undefined, []], JSON.stringify(empty))
  }
})

test('LOG: control characters never leave the reader: reasons get spaces, addresses drop their entry', () => {
  const yankedAs = (yanked: string): unknown => readFile({ yanked }).page.files[0]?.yanked
  assert.equal(yankedAs('a\0b'), 'a b')
  assert.equal(yankedAs('\u001b[2Jgone\u009b\r\n'), '[2Jgone')
  assert.equal(yankedAs('\0'), true, 'a yank stays one, without its reason')
  const status = read({ files: [], 'project-status': { status: 'archived', reason: 'a\u0007\u0000b' } }).page.status
  assert.deepEqual(status, { status: 'archived', reason: 'a b' })
  const unexplained = read({ files: [], 'project-status': { status: 'archived', reason: '\u0085' } }).page.status
  assert.deepEqual(unexplained, { status: 'archived' })
  for (const control of ['\0', '\u001b', '\u007f', '\u009b']) {
    assert.match(dropped({ filename: `${control}${GOOD.filename}` }), /differs/)
    assert.match(dropped({ filename: `a${control}.whl`, url: `a${control}.whl` }), /not safe|not an http/)
    assert.match(dropped({ provenance: `https://up.example/${control}` }), /provenance/)
    const { page } = readFile({ 'requires-python': `>=3.8${control}`, url: `${GOOD.url}?${control}` })
    assert.equal(page.files[0]?.requiresPython, undefined)
    assert.equal(page.files[0]?.url.includes(control), false)
  }
  assert.equal(readFile({ 'requires-python': '>=3.8,\n<4' }).page.files[0]?.requiresPython, '>=3.8, <4')
})

test('two entries of one name: the first stays', () => {
  const { page, dropped } = read({ name: 'foo', files: [GOOD, { ...GOOD, hashes: {} }] })
  assert.equal(page.files[0]?.sha256, HASH)
  assert.match(dropped[0]?.reason ?? '', /twice/)
})

test('LOG: what was dropped is told as a bounded excerpt without line ends', () => {
  const [entry] = readFile({ filename: `a\nb${'x'.repeat(1000)}`, size: -1 }).dropped
  assert.ok(entry !== undefined && entry.what.length < 90 && !entry.what.includes('\n'))
})

test('API-VER: an unknown major version is refused', () => {
  for (const version of ['2.0', '0.9', '1', 'x', '1.0.0', 1, {}]) {
    assert.throws(() => read({ meta: { 'api-version': version }, files: [] }), { code: 'simple-page-invalid' })
  }
  assert.equal(read({ meta: { 'api-version': '1.99' }, files: [] }).page.apiVersion, '1.99')
})

test('API-NAME: the page of another project is refused, another spelling is not', () => {
  assert.throws(() => read({ name: 'bar', files: [] }), { code: 'simple-page-invalid' })
  assert.throws(() => read({ name: 7, files: [] }), { code: 'simple-page-invalid' })
  assert.equal(read({ name: 'FOO', files: [] }).page.name, 'foo')
})

test('API-PROTO: keys like __proto__ and constructor are nothing special', () => {
  const { page } = read(
    `{"__proto__":{"files":[]},"name":"foo","meta":{"__proto__":{"api-version":"9.0"},"_x":{"__proto__":1}},"files":[{"__proto__":{"yanked":true},"constructor":1,"filename":"foo-1.tar.gz","url":"foo-1.tar.gz","hashes":{"__proto__":"x","constructor":"y"}}]}`,
  )
  assert.equal(page.files[0]?.yanked, false)
  assert.equal(page.files[0]?.hashes, undefined)
  assert.deepEqual(Object.keys(page.meta ?? {}), ['_x'])
  assert.equal(page.extra, undefined)
  assert.equal(({} as Record<string, unknown>)['files'], undefined)
  assert.throws(() => read('{"__proto__":{"files":[]}}'), { code: 'simple-page-invalid' })
})

test('API-STATUS: known states pass, others mean active', () => {
  const of = (status: unknown): unknown => read({ files: [], 'project-status': status }).page.status
  assert.deepEqual(of({ status: 'quarantined' }), { status: 'quarantined' })
  assert.equal(of({ status: 'sold' }), undefined)
  assert.deepEqual(of('archived'), { status: 'archived' })
})

test('garbage is refused as a page', () => {
  for (const body of ['', 'null', '[]', '{', '{"files":{}}', '\ufeff', '{"files":"x"}', '['.repeat(100_000)]) {
    assert.throws(() => read(body), PackagingError)
  }
  assert.throws(() => readSimpleJson(Uint8Array.of(0x22, 0xff, 0x22), CONTEXT), PackagingError)
})

test('caps: files and versions', () => {
  assert.throws(() => read(`{"files":[${'0,'.repeat(200_000)}0]}`), { code: 'limit-exceeded' })
  const { page, dropped } = read({ files: [], versions: ['1.0', '1.0', 7, 'x'.repeat(200), 'a b'] })
  assert.deepEqual(page.versions, ['1.0'])
  assert.equal(dropped.length, 3)
})

test('REDOS: a page that is dear to parse is refused before it is parsed', () => {
  for (const value of [
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    `[${'{},'.repeat(1_000_000)}{}]`,
    `{${Array.from({ length: 100_000 }, (_, index) => `"${index.toString(36)}":1`).join()}}`,
    `[${'0,'.repeat(4_000_000)}0]`,
  ]) {
    assert.throws(() => read(`{"files":[],"_x":${value}}`), { code: 'limit-exceeded' })
  }
})

test('HASH-ALG: hashes are looked up by the names that clients know', () => {
  const hashes = { SHA256: 'ff'.repeat(32), constructor: 'x', sha256: HASH, crc32: 'ff', sha512: 'AB'.repeat(64) }
  const [file] = readFile({ hashes }).page.files
  assert.deepEqual(
    file?.hashes,
    new Map([
      ['sha256', HASH],
      ['sha512', 'ab'.repeat(64)],
    ]),
  )
})

test('our own page: links stay relative, and nothing may be wrong', () => {
  const page = parseSimpleJson(Buffer.from(JSON.stringify({ name: 'foo', files: [GOOD] })))
  assert.equal(page.files[0]?.url, GOOD.url)
  assert.throws(
    () => parseSimpleJson(Buffer.from(JSON.stringify({ name: 'foo', files: [{ ...GOOD, size: -1 }] }))),
    PackagingError,
  )
})

test('5,000 files are read quickly', () => {
  const files = Array.from({ length: 5000 }, (_, index) => {
    const filename = `foo-${index}.0-cp39-cp39-manylinux_2_17_x86_64.whl`
    return {
      ...GOOD,
      filename,
      url: `https://f.example/${filename}`,
      'requires-python': '>=3.8',
      size: index,
      'upload-time': '2026-08-20T12:34:56.789012Z',
    }
  })
  const bytes = Buffer.from(JSON.stringify({ name: 'foo', files }))
  const start = performance.now()
  assert.equal(readSimpleJson(bytes, CONTEXT).page.files.length, 5000)
  // Measured below 60 ms; the bar is 150 ms, with room for a busy machine.
  assert.ok(performance.now() - start < 600)
})

test('any JSON gives a page or a PackagingError', () => {
  const value = fc.jsonValue()
  const file = fc.record(
    {
      filename: value,
      url: fc.oneof(value, fc.webUrl()),
      hashes: value,
      size: value,
      yanked: value,
      'upload-time': value,
      'core-metadata': value,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.record(
        { meta: value, name: value, files: fc.oneof(value, fc.array(file)), versions: value, 'project-status': value },
        { requiredKeys: [] },
      ),
      (body) => {
        try {
          read(body)
        } catch (error) {
          if (!(error instanceof PackagingError)) throw error
        }
      },
    ),
    { numRuns: 500 },
  )
})
