import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasControlCharacters } from './control-characters.ts'
import { PackagingError } from './error.ts'
import { readSimpleHtml } from './simple-html-reader.ts'
import { renderProjectListHtml, renderSimpleHtml } from './simple-html-writer.ts'
import { parseSimpleJson } from './simple-json-reader.ts'
import { rewriteSimpleJson } from './simple-json-rewriter.ts'
import { writeProjectListJson, writeSimpleJson } from './simple-json-writer.ts'
import type { SimpleFile, SimpleProjectPage } from './simple-page.ts'

const HASH = 'ab'.repeat(32)
const WHEEL: SimpleFile = {
  filename: 'foo-1.0-py3-none-any.whl',
  url: `../../files/foo/${HASH}/foo-1.0-py3-none-any.whl`,
  sha256: HASH,
  requiresPython: '>=3.8',
  size: 1234,
  uploadTime: '2026-08-20T12:34:56.789012Z',
  yanked: 'broken <"&>',
  coreMetadata: { sha256: HASH },
  provenance: 'https://i.example/p',
}
const SDIST: SimpleFile = {
  filename: 'foo-1.0.tar.gz',
  url: `../../files/foo/${HASH}/foo-1.0.tar.gz`,
  sha256: HASH,
  size: 99,
  yanked: false,
}
const PAGE: SimpleProjectPage = { name: 'foo', versions: ['1.0'], files: [SDIST, WHEEL], apiVersion: '1.4' }

function text(page: SimpleProjectPage): string {
  return Buffer.from(writeSimpleJson(page)).toString()
}

test('JSON: sorted keys, compact, no nulls, one hash, final newline', () => {
  assert.equal(
    text({
      ...PAGE,
      meta: { '_last-serial': 5 },
      extra: { _waxseal: { b: 1, a: [2] } },
      status: { status: 'archived', reason: 'ü' },
    }),
    `{"_waxseal":{"a":[2],"b":1},"files":[{"core-metadata":{"sha256":"${HASH}"},"filename":"foo-1.0-py3-none-any.whl","hashes":{"sha256":"${HASH}"},"provenance":"https://i.example/p","requires-python":">=3.8","size":1234,"upload-time":"2026-08-20T12:34:56.789012Z","url":"../../files/foo/${HASH}/foo-1.0-py3-none-any.whl","yanked":"broken <\\"&>"},{"filename":"foo-1.0.tar.gz","hashes":{"sha256":"${HASH}"},"size":99,"url":"../../files/foo/${HASH}/foo-1.0.tar.gz","yanked":false}],"meta":{"_last-serial":5,"api-version":"1.4"},"name":"foo","project-status":{"reason":"ü","status":"archived"},"versions":["1.0"]}\n`,
  )
})

test('a missing size makes the page 1.0; an empty page is 1.4', () => {
  const { size: _, ...noSize } = SDIST
  assert.match(text({ ...PAGE, files: [noSize, WHEEL] }), /"api-version":"1.0"/)
  assert.match(text({ ...PAGE, files: [] }), /"api-version":"1.4"/)
})

test('PEP 752: namespaces make the page 1.5, null ones too; without sizes it stays 1.0 and says them all the same', () => {
  const namespaces = [{ name: 'foo', owned: false }]
  assert.match(
    text({ ...PAGE, namespaces }),
    /"api-version":"1.5"},"name":"foo","namespaces":\[{"name":"foo","owned":false}\],/,
  )
  assert.match(text({ ...PAGE, namespaces: null }), /"api-version":"1.5"},"name":"foo","namespaces":null,/)
  assert.doesNotMatch(text(PAGE), /namespaces/)
  const { size: _, ...noSize } = SDIST
  assert.match(text({ ...PAGE, files: [noSize], namespaces }), /"api-version":"1.0"},"name":"foo","namespaces":\[/)
  assert.throws(() => text({ ...PAGE, namespaces: [{ name: 'Foo', owned: true }] }), { code: 'simple-page-invalid' })
})

test('PEP 752: HTML says nothing of namespaces and stays 1.4; readers and rewriters pass nothing on', () => {
  const bytes = writeSimpleJson({ ...PAGE, namespaces: [{ name: 'foo', owned: true }] })
  const read = parseSimpleJson(bytes)
  assert.equal('namespaces' in read, false)
  assert.match(renderSimpleHtml(read), /content="1\.4"/)
  assert.doesNotMatch(renderSimpleHtml(read), /namespace/)
  const rewritten = Buffer.from(rewriteSimpleJson(read)).toString()
  assert.match(rewritten, /"api-version":"1\.4"/)
  assert.doesNotMatch(rewritten, /namespace/)
})

test('versions and files in the order of PEP 440, whatever order they come in', () => {
  const versions = ['1.10', '1.9', '1.0rc1', '1.0', 'legacy']
  const files = ['1.10', '1.9', '1.0rc1', '1.0.0'].map((version): SimpleFile => {
    const filename = `foo-${version}.tar.gz`
    return { ...SDIST, filename, url: filename }
  })
  const forward = text({ ...PAGE, versions, files })
  const backward = text({ ...PAGE, versions: versions.toReversed(), files: files.toReversed() })
  assert.equal(forward, backward)
  const page = parseSimpleJson(Buffer.from(forward))
  assert.deepEqual(page.versions, ['legacy', '1.0rc1', '1.0', '1.9', '1.10'])
  assert.deepEqual(
    page.files.map(({ filename }) => filename),
    ['foo-1.0rc1.tar.gz', 'foo-1.0.0.tar.gz', 'foo-1.9.tar.gz', 'foo-1.10.tar.gz'],
  )
})

test('HASH-ALG, FN-POISON: what a client could stumble over is never written', () => {
  const bad: readonly (readonly [string, Partial<Record<keyof SimpleFile, unknown>>])[] = [
    ['no hash', { sha256: undefined }],
    ['upper-case hash', { sha256: HASH.toUpperCase() }],
    ['fragment', { url: `foo-1.0.tar.gz#sha256=${HASH}` }],
    ['other name', { url: 'bar-1.0.tar.gz' }],
    ['file url', { url: 'file:///foo-1.0.tar.gz' }],
    ['unsafe name', { filename: '../foo-1.0.tar.gz' }],
    ['other project', { filename: 'bar-1.0.tar.gz', url: 'bar-1.0.tar.gz' }],
    ['unlisted version', { filename: 'foo-2.0.tar.gz', url: 'foo-2.0.tar.gz' }],
    ['bad specifier', { requiresPython: '>=banana' }],
    ['negative size', { size: -1 }],
    ['fraction of three digits', { uploadTime: '2026-01-01T00:00:00.123Z' }],
    ['day that is none', { uploadTime: '2026-02-30T00:00:00Z' }],
    ['empty reason', { yanked: '' }],
    ['half character', { yanked: '\udc00' }],
    ['control character', { yanked: 'a\u001b[2Jb' }],
    ['bad metadata hash', { coreMetadata: { sha256: 'x' } }],
    ['script as provenance', { provenance: 'javascript:x' }],
    ['public key in extra', { extra: { url: 'x' } }],
    ['__proto__ in extra', { extra: JSON.parse('{"__proto__":1}') }],
  ]
  for (const [name, change] of bad) {
    const files = [{ ...SDIST, ...change } as SimpleFile]
    assert.throws(() => writeSimpleJson({ ...PAGE, files }), PackagingError, name)
  }
  assert.throws(() => writeSimpleJson({ ...PAGE, status: { status: 'archived', reason: 'a\0' } }), PackagingError)
  assert.throws(() => writeSimpleJson({ ...PAGE, name: 'Foo' }), PackagingError)
  assert.throws(() => writeSimpleJson({ ...PAGE, files: [SDIST, SDIST] }), PackagingError)
  assert.throws(() => writeSimpleJson({ ...PAGE, versions: ['1.0', '1.0'] }), PackagingError)
})

test('HTML 1.4, exactly', () => {
  const page = parseSimpleJson(
    writeSimpleJson({ ...PAGE, meta: { '_last-serial': 5 }, status: { status: 'archived', reason: '<b>' } }),
  )
  assert.equal(
    renderSimpleHtml(page),
    `<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="&lt;b&gt;">
    <title>Links for foo</title>
  </head>
  <body>
    <h1>Links for foo</h1>
<a href="../../files/foo/${HASH}/foo-1.0-py3-none-any.whl#sha256=${HASH}" data-requires-python="&gt;=3.8" data-yanked="broken &lt;&quot;&amp;&gt;" data-dist-info-metadata="sha256=${HASH}" data-core-metadata="sha256=${HASH}" data-provenance="https://i.example/p">foo-1.0-py3-none-any.whl</a><br />
<a href="../../files/foo/${HASH}/foo-1.0.tar.gz#sha256=${HASH}">foo-1.0.tar.gz</a><br />
  </body>
</html>
<!--SERIAL 5-->`,
  )
})

test('API-HTML: no text gets out of its attribute or element', () => {
  const reasons = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom('"><script>', "'", '&quot;', '<!--', '-->', '\u2028'),
  )
  fc.assert(
    fc.property(reasons, (reason) => {
      fc.pre(!hasControlCharacters(reason) && reason.isWellFormed())
      const page = parseSimpleJson(
        writeSimpleJson({ ...PAGE, files: [{ ...WHEEL, yanked: reason }], status: { status: 'deprecated', reason } }),
      )
      const read = readSimpleHtml(renderSimpleHtml(page), { baseUrl: 'https://i.example/simple/foo/', project: 'foo' })
      assert.equal(read.page.files.length, 1)
      assert.equal(read.page.files[0]?.yanked, reason)
      assert.equal(read.page.status?.reason, reason)
    }),
  )
})

test('what is written is read back, from JSON whole and from HTML as far as it goes', () => {
  const file = fc.record(
    {
      size: fc.nat(),
      requiresPython: fc.constantFrom('>=3.8', '>=3.9,<4', '!=3.0.*'),
      uploadTime: fc.constantFrom('2026-01-01T00:00:00Z', '2020-02-29T23:59:59.000001Z'),
      coreMetadata: fc.constantFrom(true as const, { sha256: HASH }),
      provenance: fc.constantFrom('../p', 'https://i.example/p'),
    },
    { requiredKeys: [] },
  )
  const yanked = fc.oneof(fc.boolean(), fc.string({ minLength: 1 }))
  const minors = fc.uniqueArray(fc.nat(999), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(minors, file, yanked, (numbers, optional, yank) => {
      const files = numbers
        .toSorted((a, b) => a - b)
        .map((minor): SimpleFile => {
          const filename = `foo-1.${minor}.tar.gz`
          return { ...optional, filename, url: `../../files/foo/${HASH}/${filename}`, sha256: HASH, yanked: yank }
        })
      const versions = numbers.toSorted((a, b) => a - b).map((minor) => `1.${minor}`)
      const bytes = writeSimpleJson({ ...PAGE, versions, files })
      const page = parseSimpleJson(bytes)
      assert.deepEqual(
        page.files,
        files.map((written) => ({ ...written, hashes: new Map([['sha256', HASH]]) })),
      )
      assert.deepEqual(page.versions, versions)
      assert.deepEqual(writeSimpleJson(page), bytes)
      const html = readSimpleHtml(renderSimpleHtml(page), { baseUrl: 'https://i.example/simple/foo/', project: 'foo' })
      assert.deepEqual(html.dropped, [])
      assert.deepEqual(
        html.page.files.map(({ filename, sha256 }) => [filename, sha256]),
        files.map(({ filename, sha256 }) => [filename, sha256]),
      )
    }),
  )
})

test('the list of projects, in both formats', () => {
  const list = {
    projects: [{ name: 'zope.Interface', extra: { '_last-serial': 3 } }, { name: 'A_b' }],
    meta: { '_last-serial': 9 },
  }
  assert.equal(
    Buffer.from(writeProjectListJson(list)).toString(),
    '{"meta":{"_last-serial":9,"api-version":"1.4"},"projects":[{"name":"A_b"},{"_last-serial":3,"name":"zope.Interface"}]}\n',
  )
  const html = renderProjectListHtml(list)
  assert.match(html, /<a href="a-b\/">A_b<\/a><br \/>\n {4}<a href="zope-interface\/">zope\.Interface<\/a>/)
  assert.ok(html.endsWith('<!--SERIAL 9-->'))
  assert.throws(() => writeProjectListJson({ projects: [{ name: 'a_b' }, { name: 'A-B' }] }), PackagingError)
  assert.throws(() => renderProjectListHtml({ projects: [{ name: '<script>' }] }), PackagingError)
})
