import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { readSimpleHtml } from './simple-html-reader.ts'
import type { SimpleReading } from './simple-page.ts'

const CONTEXT = { baseUrl: 'https://up.example/simple/foo/', project: 'foo' }
const HASH = 'ab'.repeat(32)

function read(html: string): SimpleReading {
  return readSimpleHtml(html, CONTEXT)
}

function only(anchor: string): unknown {
  const { page, dropped } = read(anchor)
  assert.deepEqual(dropped, [])
  assert.equal(page.files.length, 1)
  const { hashes: _, ...file } = page.files[0] ?? { hashes: undefined }
  return file
}

test('a page of PyPI as it is', () => {
  const { page, dropped } = read(`<!DOCTYPE html><html><head>
    <meta name="pypi:repository-version" content="1.4"><meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="no &quot;time&quot;"><title>Links for foo</title></head><body>
    <a href="https://f.example/foo-1.0.tar.gz#sha256=${HASH}" data-requires-python="&gt;=3.8" data-yanked="bro&amp;ken"
      data-core-metadata="sha256=${HASH}" data-provenance="https://up.example/p" data-size="12"
      data-upload-time="2026-01-02T03:04:05.000000Z">any text</a><br /></body></html><!--SERIAL 1-->`)
  assert.deepEqual(dropped, [])
  assert.deepEqual(page, {
    name: 'foo',
    versions: [],
    apiVersion: '1.4',
    status: { status: 'archived', reason: 'no "time"' },
    files: [
      {
        filename: 'foo-1.0.tar.gz',
        url: 'https://f.example/foo-1.0.tar.gz',
        sha256: HASH,
        hashes: new Map([['sha256', HASH]]),
        requiresPython: '>=3.8',
        size: 12,
        uploadTime: '2026-01-02T03:04:05Z',
        yanked: 'bro&ken',
        coreMetadata: { sha256: HASH },
        provenance: 'https://up.example/p',
      },
    ],
  })
})

test('LOG: control characters never leave the reader, written as they are or as references', () => {
  const { page, dropped } = read(`<meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="a&#27;b"><a href="foo-1.tar.gz" data-yanked="a\u001b[2J&#7;b"></a>
    <a href="foo-2.tar.gz" data-yanked="\u0085"></a><a href="foo-&#27;.tar.gz"></a>
    <a href="foo-3.tar.gz" data-provenance="/p&#27;"></a>`)
  assert.deepEqual(page.status, { status: 'archived', reason: 'a b' })
  assert.deepEqual(
    page.files.map(({ filename, yanked }) => [filename, yanked]),
    [
      ['foo-1.tar.gz', 'a [2J b'],
      ['foo-2.tar.gz', true],
    ],
  )
  assert.equal(dropped.length, 2)
})

test('relative links and <base>', () => {
  assert.deepEqual(only('<a href="../../f/foo-1.tar.gz">'), {
    filename: 'foo-1.tar.gz',
    url: 'https://up.example/f/foo-1.tar.gz',
    yanked: false,
  })
  assert.deepEqual(only('<base href="/mirror/"><base href="/no/"><a href="foo-1%2B2.tar.gz">'), {
    filename: 'foo-1+2.tar.gz',
    url: 'https://up.example/mirror/foo-1%2B2.tar.gz',
    yanked: false,
  })
})

test('metadata attributes of all ages; "false" and nothing mean none', () => {
  const of = (attribute: string): unknown => read(`<a href=foo-1.tar.gz ${attribute}>`).page.files[0]?.coreMetadata
  assert.deepEqual(of(`data-dist-info-metadata="sha256=${HASH}"`), { sha256: HASH })
  assert.equal(of('data-core-metadata="true"'), true)
  assert.equal(of('data-core-metadata="false"'), undefined)
  assert.equal(of('data-core-metadata'), undefined)
  assert.equal(of('data-dist-info-metadata="md5=00"'), true)
})

test('data-yanked yanks by its presence', () => {
  assert.equal(read('<a href=foo-1.tar.gz data-yanked>').page.files[0]?.yanked, true)
  assert.equal(read('<a href=foo-1.tar.gz data-yanked="">').page.files[0]?.yanked, true)
})

test('what stands in comments, scripts, titles and styles is not a link', () => {
  const hidden = '<a href="foo-9.tar.gz">'
  for (const [open, close] of [
    ['<!--', '-->'],
    ['<script>', '</script>'],
    ['<title>', '</title>'],
    ['<style>', '</style>'],
    ['<textarea>', '</textarea>'],
  ]) {
    const { page } = read(`${open}${hidden}${close}<a href="foo-1.tar.gz">`)
    assert.deepEqual(
      page.files.map(({ filename }) => filename),
      ['foo-1.tar.gz'],
    )
  }
})

test('API-VER: an unknown major version is refused', () => {
  assert.throws(() => read('<meta name="pypi:repository-version" content="2.0">'), { code: 'simple-page-invalid' })
})

test('API-JSURL, FN-POISON: a bad anchor costs that anchor', () => {
  const { page, dropped } = read(
    ['javascript:alert(1)', 'file:///etc/foo-1.tar.gz', 'http://[::1', '../', '', '%2e%2e%2fx']
      .map((url) => `<a href="${url}">x</a>`)
      .join('') +
      '<a name=x><a href="foo-1.tar.gz" data-size="-1"><a href="foo-2.tar.gz" data-upload-time=x><a href="foo-3.tar.gz">',
  )
  assert.deepEqual(
    page.files.map(({ filename }) => filename),
    ['foo-3.tar.gz'],
  )
  assert.equal(dropped.length, 8)
})

test('API-JSURL: a <base> that is not http is refused', () => {
  assert.throws(() => read('<base href="file:///etc/"><a href="foo-1.tar.gz">'), { code: 'simple-page-invalid' })
})

test('API-PROTO: attributes named like what objects inherit', () => {
  assert.equal(read('<a href=foo-1.tar.gz __proto__=x constructor=y>').page.files[0]?.yanked, false)
})

test('REDOS: very many attributes, and very many unclosed elements, cost linear time', () => {
  const attributes = Array.from({ length: 400_000 }, (_, index) => `a${index}`).join(' ')
  const start = performance.now()
  assert.throws(() => read(`<a ${attributes}>`), { code: 'simple-page-invalid' })
  read(Array.from({ length: 100_000 }, (_, index) => `<b a${index}><p>`).join(''))
  assert.ok(performance.now() - start < 3000)
})

const MILLION = 1_000_000
const ONE_TOKEN: ReadonlyMap<string, string> = new Map([
  ['an attribute', `<a href="${'x'.repeat(MILLION)}">`],
  ['an attribute of references', `<a href="${'&not'.repeat(MILLION / 4)}">`],
  ['an attribute a million times', `<a ${'b '.repeat(MILLION / 2)}>`],
  ['the name of a tag', `<${'a'.repeat(MILLION)}>`],
  ['end tags that do not end', '</a'.repeat(MILLION / 3)],
  ['a comment', `<!--${'-'.repeat(MILLION)}`],
  ['comments in a comment', '<!---'.repeat(MILLION / 5)],
  ['a declaration', `<!DOCTYPE ${'x'.repeat(MILLION)}>`],
  ['an instruction', `<?${'x'.repeat(MILLION)}>`],
  ['text', 'x'.repeat(MILLION)],
  ['ampersands', '&'.repeat(MILLION)],
  ['references', '&notin'.repeat(MILLION / 6)],
  ['a number', `&#${'1'.repeat(MILLION)}`],
  ['brackets', '<'.repeat(MILLION)],
  ['NULs', '\0'.repeat(MILLION)],
  ['white space', ' '.repeat(MILLION)],
  ['a script', `<script>${'</script'.repeat(MILLION / 8)}`],
])

for (const [what, html] of ONE_TOKEN) {
  test(`REDOS: ${what} as long as a page is refused, not copied for every chunk`, () => {
    assert.throws(() => read(html), { code: 'limit-exceeded' })
  })
}

test('REDOS: long pages of many tokens are read, in time that grows with their length', () => {
  for (const piece of [
    `<a ${'b '.repeat(1000)}c="&amp;&notin">\n`,
    '<b>& </b>',
    '<!-- - --> x ',
    'x\0',
    `<i>${'x '.repeat(50_000)}`,
  ]) {
    const time = (length: number): number => {
      const html = piece.repeat(length / piece.length)
      const times = [1, 2, 3].map(() => {
        const start = performance.now()
        read(html)
        return performance.now() - start
      })
      return Math.min(...times)
    }
    time(MILLION / 2)
    const [one, four] = [time(MILLION / 2), time(2 * MILLION)]
    assert.ok(four < 12 * one + 50, `${JSON.stringify(piece.slice(0, 20))}: ${one} ms became ${four} ms`)
  }
})

test('REDOS: links beyond the limit are not kept', () => {
  assert.throws(() => read('<a href=x>'.repeat(200_001)), { code: 'limit-exceeded' })
  assert.throws(() => read(`${'<a href=x>'.repeat(200_001)}<script>${'x'.repeat(MILLION)}`), /files/)
})

test('a page of 5,000 files is read quickly', () => {
  const html = Array.from({ length: 5000 }, (_, index) => {
    const name = `foo-${index}.0-cp39-cp39-manylinux_2_17_x86_64.whl`
    return `<a href="https://f.example/${name}#sha256=${HASH}" data-requires-python="&gt;=3.8" data-core-metadata="sha256=${HASH}">${name}</a><br />\n`
  }).join('')
  const start = performance.now()
  assert.equal(read(html).page.files.length, 5000)
  // Measured at about 100 ms; the bar is 150 ms, with room for a busy machine.
  assert.ok(performance.now() - start < 800)
})

test('any text gives a page or a PackagingError', () => {
  const piece = fc.constantFrom(
    '<a href="',
    '">',
    "'",
    '<base href=',
    '<meta name="pypi:',
    'data-yanked',
    '=',
    '&amp',
    '&#x',
    '<!--',
    '<script>',
    'foo-1.tar.gz',
    '\0',
    'http://',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      try {
        read(pieces.join(''))
      } catch (error) {
        if (!(error instanceof PackagingError)) throw error
      }
    }),
    { numRuns: 500 },
  )
})
