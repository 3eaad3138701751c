import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { MAX_LISTED_PROJECT_BYTES } from './limits.ts'
import { HtmlProjectList } from './project-list-html-reader.ts'
import { JsonProjectList } from './project-list-reader.ts'
import type { ProjectListReader } from './project-list-reader.ts'
import { renderProjectListHtml } from './simple-html-writer.ts'

/** What a reader gives back of `text` in pieces of `size` bytes. */
function read(reader: ProjectListReader, text: string, size = 7): readonly string[] {
  const bytes = Buffer.from(text)
  const names: string[] = []
  for (let at = 0; at < bytes.length; at += size) names.push(...reader.push(bytes.subarray(at, at + size)))
  reader.end()
  return names
}

const json = (projects: unknown, rest: object = {}): string =>
  JSON.stringify({ meta: { 'api-version': '1.4', '_last-serial': 7 }, projects, ...rest })
const refused = (code: PackagingError['code'], pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PackagingError)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, pattern)
  return true
}

suite('a project list in JSON', () => {
  test('gives its names in normal form, however it is cut into pieces', () => {
    const text = json([{ name: 'Acme_Tools', '_last-serial': 1 }, { name: 'six' }, { tags: ['a]', '}"'], name: 'q.q' }])
    for (let size = 1; size <= text.length; size += 1) {
      assert.deepEqual(read(new JsonProjectList(), text, size), ['acme-tools', 'six', 'q-q'], `pieces of ${size}`)
    }
  })

  test('may have its keys in any order, and none of its projects', () => {
    assert.deepEqual(read(new JsonProjectList(), '{ "projects" : [ {"name":"a"} , {"name":"b"} ] , "meta":{} }'), [
      'a',
      'b',
    ])
    assert.deepEqual(read(new JsonProjectList(), json([])), [])
  })

  test('is read as JSON.parse reads it, whatever stands in it', () => {
    const entry = fc.oneof(
      fc.record({ name: fc.stringMatching(/^[a-z]{1,6}$/) }),
      fc.dictionary(fc.string(), fc.jsonValue()),
    )
    fc.assert(
      fc.property(
        fc.array(entry),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.integer({ min: 1, max: 40 }),
        (entries, rest, size) => {
          const { projects: _projects, meta: _meta, ...other } = rest
          const text = json(entries, other)
          const parsed = (JSON.parse(text) as { projects: { name?: unknown }[] }).projects.map(({ name }) => name)
          const names = parsed.filter((name) => typeof name === 'string' && /^[a-z0-9]+$/.test(name))
          const found = read(new JsonProjectList(), text, size)
          assert.deepEqual(
            found.filter((name) => names.includes(name)),
            names,
          )
        },
      ),
    )
  })

  test('leaves out what is no name', () => {
    const entries = [
      { name: 'ok' },
      { name: '-' },
      { name: 'x'.repeat(101) },
      { name: 7 },
      {},
      null,
      5,
      { name: 'ſix' },
    ]
    assert.deepEqual(read(new JsonProjectList(), json(entries)), ['ok'])
  })

  test('that ends early, or is no JSON in any place, is refused', () => {
    const whole = json([{ name: 'a' }, { name: 'b' }])
    for (let length = 0; length < whole.length; length += 1) {
      assert.throws(
        () => read(new JsonProjectList(), whole.slice(0, length)),
        refused('simple-page-invalid', /not JSON|no list/),
      )
    }
    const bad = [
      '{"projects":[{"name":"a"}{"name":"b"}]}',
      '{"projects":[{"name":"a"},]}',
      '{"projects":[{"name":"a"}}]}',
    ]
    for (const text of [...bad, '[]', '{}', '{"projects":{}}', '<html></html>', `${whole}x`]) {
      assert.throws(() => read(new JsonProjectList(), text), refused('simple-page-invalid', /./), text)
    }
  })

  test('of a later major version is refused, and one whose entry or frame is endless', () => {
    assert.throws(
      () => read(new JsonProjectList(), '{"meta":{"api-version":"2.0"},"projects":[]}'),
      refused('simple-page-invalid', /2\.0/),
    )
    const long = 'x'.repeat(2 * MAX_LISTED_PROJECT_BYTES)
    for (const text of [json([{ name: 'a', long }]), json([], { long })]) {
      assert.throws(() => read(new JsonProjectList(), text, 1024), refused('limit-exceeded', /more than/))
    }
  })
})

suite('a project list in HTML', () => {
  test('gives the names in its links, however it is cut into pieces', () => {
    const text = renderProjectListHtml({ projects: [{ name: 'Acme_Tools' }, { name: 'six' }] })
    for (const size of [1, 5, 64, 100_000]) {
      assert.deepEqual(read(new HtmlProjectList(), text, size), ['acme-tools', 'six'])
    }
    const links =
      '<a href="/simple/one/">1</a><a href=" two/index.html/?x#y ">2</a><a href="/login">in</a><a href="../">up</a><a>no</a><a href="th%65n/">t</a>'
    assert.deepEqual(read(new HtmlProjectList(), links), ['one', 'index-html', 'then'])
  })

  test('without a link is believed only where it says what it is', () => {
    assert.throws(
      () => read(new HtmlProjectList(), '<title>Sign in</title>'),
      refused('simple-page-invalid', /no project/),
    )
    assert.deepEqual(read(new HtmlProjectList(), renderProjectListHtml({ projects: [] })), [])
  })
})
