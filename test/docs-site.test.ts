import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, type DefaultTreeAdapterTypes } from 'parse5'
import { refusalPages } from '../packages/index/src/http/refusal-catalogue.ts'
import { createProgram } from '../packages/waxseal/src/program.ts'
import { buildSite } from '../scripts/docs-site/build-site.ts'
import { readNavigation } from '../scripts/docs-site/navigation.ts'

const ROOT = resolve(import.meta.dirname, '..')
let scratch: string
let site: string
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'waxseal-site-'))
  site = join(scratch, 'site')
  buildSite(site)
})
after(() => rm(scratch, { recursive: true }))

type Element = DefaultTreeAdapterTypes.Element

const pages = () => globSync('**/*.html', { cwd: site }).toSorted()
const read = (path: string) => readFileSync(join(site, path), 'utf8')

/** Every element of a page, in order. */
function elements(path: string): readonly Element[] {
  const found: Element[] = []
  const walk = (node: DefaultTreeAdapterTypes.ParentNode) => {
    for (const child of node.childNodes) {
      if ('tagName' in child) found.push(child)
      if ('childNodes' in child) walk(child)
    }
  }
  walk(parse(read(path)))
  return found
}

const attribute = (element: Element, name: string) => element.attrs.find((attr) => attr.name === name)?.value

test('every link and every anchor of the site leads somewhere, by a relative address', () => {
  const ids = new Map(pages().map((path) => [path, new Set(elements(path).map((it) => attribute(it, 'id')))]))
  assert.ok(ids.size > 100, 'the site is nearly empty')
  for (const path of pages()) {
    for (const element of elements(path)) {
      const target = attribute(element, 'href') ?? attribute(element, 'src')
      if (target === undefined || /^https?:\/\//.test(target)) continue
      assert.doesNotMatch(target, /^\/|^[a-z]+:/i, `${path} links to ${target}, which breaks under a prefix`)
      const [file = '', fragment] = target.split('#')
      const place = file === '' ? path : posix.join(dirname(path), file)
      assert.ok(existsSync(join(site, place)), `${path} links to ${target}`)
      if (fragment !== undefined) assert.ok(ids.get(place)?.has(fragment), `${path} links to ${target}`)
    }
  }
})

test('the pages load nothing from elsewhere, and hold neither style nor script of their own', () => {
  for (const path of pages()) {
    for (const element of elements(path)) {
      const inline = element.attrs.filter(({ name }) => name === 'style' || name.startsWith('on'))
      assert.deepEqual(inline, [], `${path}: <${element.tagName}>`)
      if (element.tagName === 'style') assert.fail(`${path} has a style of its own`)
      if (['script', 'img', 'iframe', 'link'].includes(element.tagName)) {
        const source = attribute(element, 'src') ?? attribute(element, 'href') ?? ''
        assert.doesNotMatch(source, /^$|^[a-z]+:|^\/\//i, `${path}: <${element.tagName}>`)
      }
    }
  }
  assert.doesNotMatch(read('style.css'), /url\(|@import/)
})

test('docs/index.md, which is the navigation, lists every document', () => {
  const index = readFileSync(join(ROOT, 'docs/index.md'), 'utf8')
  const listed = readNavigation(index).flatMap(({ entries }) => entries.map(({ target }) => target))
  for (const path of globSync('docs/*.md', { cwd: ROOT })) {
    const name = relative('docs', path)
    if (name !== 'index.md')
      assert.ok(listed.includes(name), `docs/index.md has no row that begins with a link to ${name}`)
  }
})

test('each command has a page with its help, an example or options, and the exit codes', async () => {
  const leaves = (command: Awaited<ReturnType<typeof createProgram>>, words: readonly string[]): readonly string[] =>
    command.commands.length === 0
      ? [words.join('-')]
      : command.commands.flatMap((child) => leaves(child, [...words, child.name()]))
  const commands = leaves(await createProgram(), [])
  assert.ok(commands.length >= 15)
  for (const name of commands) {
    const page = read(`commands/${name}.html`)
    assert.ok(page.includes(`Usage: waxseal ${name.split('-')[0]}`), name)
    assert.match(page, /id="exit-codes"/)
    assert.ok(read('commands/index.html').includes(`href="${name}.html"`), name)
  }
})

test('each refusal has a page, at the address that refusals give', () => {
  for (const { code, status } of refusalPages()) {
    assert.ok(read(`errors/${code}.html`).includes(`<code>${code}</code>, HTTP status ${status}`), code)
  }
})

test('each configuration key can be linked to', () => {
  const keys = [...readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8').matchAll(/^\| `([a-z][\w.-]*)` \|/gm)]
  assert.ok(keys.length > 20)
  const ids = elements('configuration.html').map((element) => attribute(element, 'id') ?? '')
  for (const [, key = ''] of keys)
    assert.ok(
      ids.some((id) => id.endsWith(`-${key.toLowerCase()}`)),
      key,
    )
})

test('the search finds titles, headings and keys, each at an address that exists', () => {
  const entries = JSON.parse(read('search.json')) as readonly (readonly [string, string, string])[]
  for (const [text, , target] of entries) {
    const [file = '', fragment = ''] = target.split('#')
    const page = read(file)
    assert.ok(fragment === '' || page.includes(`id="${fragment}"`), `${text}: ${target}`)
  }
  for (const wanted of ['Clients', 'waxseal serve', 'not-found', 'public-url', 'Poetry']) {
    assert.ok(
      entries.some(([text]) => text === wanted),
      `the search does not find ${wanted}`,
    )
  }
})
