import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { configDocs } from '../scripts/config-docs.ts'
import { errorDocs } from '../scripts/error-docs.ts'
import { namesDocs } from '../scripts/names-docs.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Every Markdown file of the repository that people read. */
const PAGES = globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md'], { cwd: ROOT }).toSorted()

/** How GitHub and every Markdown renderer like it names a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

test('docs/errors.md is what the catalogue says; else run `node scripts/write-error-docs.ts`', () => {
  assert.equal(read('docs/errors.md'), errorDocs())
})

test('docs/configuration.md is what the schema says; else run `node scripts/write-config-docs.ts`', () => {
  const page = read('docs/configuration.md')
  assert.equal(page, configDocs(page))
})

test('docs/names.md has the tables that the decision functions fill; else run `node scripts/write-names-docs.ts`', () => {
  const page = read('docs/names.md')
  assert.equal(page, namesDocs(page))
})

test('every relative link in the documentation leads somewhere', () => {
  for (const path of PAGES) {
    const text = read(path).replaceAll(/^```.*?^```/gms, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', fragment] = target.split('#')
      const place = file === '' ? join(ROOT, path) : resolve(ROOT, dirname(path), file)
      assert.ok(existsSync(place), `${path} links to ${target}`)
      if (fragment === undefined) continue
      const headings = [...readFileSync(place, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchor(title))
      assert.ok(headings.includes(fragment), `${path} links to ${target}`)
    }
  }
})

test('every source file that the documentation names exists', () => {
  for (const path of PAGES) {
    // Whoever names a file from the root of the repository means that very file.
    for (const [, name = ''] of read(path).matchAll(/`((?:attacks|packages|scripts|test|docs|bench)\/[^`\s]*)`/g)) {
      const found = /[*{<]/.test(name)
        ? globSync(name.replaceAll(/<[^>]*>/g, '*'), { cwd: ROOT }).length > 0
        : existsSync(join(ROOT, name))
      assert.ok(found, `${path} names ${name}`)
    }
  }
})

test('ARCHITECTURE.md and the decisions name no file or folder that is gone', () => {
  const sources = globSync(['packages/*/{src,test}/**/*.ts', '{attacks,test,scripts,bench}/**/*.ts'], { cwd: ROOT })
  for (const path of PAGES.filter((page) => page === 'ARCHITECTURE.md' || page.startsWith('docs/decisions/'))) {
    for (const [, name = ''] of read(path).matchAll(/`([\w./-]+\.ts)`/g)) {
      assert.ok(
        sources.some((source) => source === name || source.endsWith(`/${name}`)),
        `${path} names ${name}`,
      )
    }
  }
})

test('every attack that SECURITY.md calls tested is named by a test', () => {
  const tests = globSync(
    ['packages/*/src/**/*.test.ts', 'packages/*/src/**/*-contract.ts', 'test/**/*.test.ts', 'attacks/[a-z]/*.ts'],
    {
      cwd: ROOT,
    },
  )
  const text = tests.map(read).join('\n')
  const page = read('SECURITY.md')
  const scope = page.slice(page.indexOf('## Threats in scope'), page.indexOf('## Out of scope'))
  const ids = [...scope.matchAll(/`([A-Z0-9]+(?:-[A-Z0-9]+[a-z]?)?)`/g)]
  assert.ok(ids.length > 20, 'SECURITY.md names no attacks')
  for (const [, id = ''] of ids) assert.match(text, new RegExp(`\\b${id}\\b`), `SECURITY.md calls ${id} tested`)
})
