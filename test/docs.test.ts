import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { addFile, addProject, addRelease } from '../packages/waxseal/src/commands/project.ts'
import { addServe } from '../packages/waxseal/src/commands/serve.ts'
import { addToken } from '../packages/waxseal/src/commands/token.ts'
import { addUser } from '../packages/waxseal/src/commands/user.ts'
import { addWhy } from '../packages/waxseal/src/commands/why.ts'
import {
  configSchema,
  DEFAULT_DATA,
  DEFAULT_LISTEN,
  DEFAULT_UPSTREAM,
  loadConfig,
} from '../packages/waxseal/src/config.ts'
import { errorDocs } from '../scripts/error-docs.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Every Markdown file of the repository that people read. */
const PAGES = globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md'], { cwd: ROOT }).toSorted()

/** The text below the heading `title`, up to the next heading of the same level; undefined without one. */
function section(page: string, title: string): string | undefined {
  const start = `\n${page}`.indexOf(`\n## ${title}\n`)
  if (start === -1) return undefined
  const body = page.slice(start + title.length + 4)
  const end = body.indexOf('\n## ')
  return end === -1 ? body : body.slice(0, end)
}

/** How GitHub and every Markdown renderer like it names a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** Commands that do something, with the words that call them. */
function leaves(command: Command, words: readonly string[]): readonly (readonly [string, Command])[] {
  const here = [...words, command.name()]
  if (command.commands.length === 0) return [[here.join(' '), command]]
  return command.commands.flatMap((child) => leaves(child, here))
}

function program(): Command {
  const whole = new Command('waxseal')
  for (const add of [addServe, addToken, addUser, addProject, addRelease, addFile, addWhy]) add(whole)
  return whole
}

/** Options that `docs/commands.md` describes once for all commands. */
const SHARED = new Set(['--data', '--config', '--json'])

test('docs/errors.md is what the catalogue says; else run `node scripts/write-error-docs.ts`', () => {
  assert.equal(read('docs/errors.md'), errorDocs())
})

test('docs/commands.md has a section for every command, with its options and arguments', () => {
  const page = read('docs/commands.md')
  const commands = leaves(program(), [])
  assert.ok(commands.length >= 15, 'no commands were found')
  for (const [words, command] of commands) {
    const text = section(page, words)
    assert.ok(text !== undefined, `docs/commands.md has no section "## ${words}"`)
    for (const { long, flags } of command.options) {
      if (long === null || long === undefined || (SHARED.has(long) && words !== 'waxseal serve')) continue
      assert.ok(text.includes(long), `docs/commands.md: ${words} does not tell ${flags}`)
    }
    for (const argument of command.registeredArguments) {
      assert.match(text, new RegExp(`[<[]${argument.name()}[>\\]]`), `docs/commands.md: ${words} <${argument.name()}>`)
    }
  }
  const known = new Set(commands.map(([words]) => words))
  for (const [, heading = ''] of page.matchAll(/^## (waxseal .*)$/gm)) {
    assert.ok(known.has(heading), `docs/commands.md describes "${heading}", which does not exist`)
  }
  for (const long of SHARED) assert.ok(page.slice(0, page.indexOf('\n## ')).includes(`\`${long}`), long)
})

test('docs/configuration.md has every key of the configuration file, and no other', () => {
  const { uploads, upstream, ...top } = configSchema.shape
  const tables = new Map<string, readonly string[]>([
    ['Top level', Object.keys(top)],
    ['`[uploads]`', Object.keys(uploads.unwrap().shape)],
    ['`[upstream.NAME]`', Object.keys(upstream.unwrap().valueType.shape)],
  ])
  const page = read('docs/configuration.md')
  for (const [title, keys] of tables) {
    const rows = [...(section(page, title) ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key)
    assert.deepEqual(new Set(rows), new Set(keys), title)
  }
})

test('docs/configuration.md gives the defaults that hold', () => {
  const page = read('docs/configuration.md')
  const rows = new Map([...page.matchAll(/^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|/gm)].map(([, key, cell]) => [key, cell]))
  const { index } = loadConfig({ config: '/dev/null' }, {})
  const [upstream] = index.upstreams
  assert.equal(upstream?.url, DEFAULT_UPSTREAM.url)
  assert.ok(page.includes(`\`${DEFAULT_UPSTREAM.url}\``))
  const defaults = new Map<string, string | number | undefined>([
    ['data', `\`${DEFAULT_DATA}\``],
    ['listen', `\`${DEFAULT_LISTEN}\``],
    ['reading', `\`${index.reading}\``],
    ['max-file-size', index.uploads.maxFileSize],
    ['max-project-size', index.uploads.maxProjectSize],
    ['refresh-seconds', upstream.refreshSeconds],
    ['negative-seconds', upstream.negativeSeconds],
    ['first-byte-timeout-seconds', upstream.firstByteTimeoutMs / 1000],
    ['min-bytes-per-second', upstream.minBytesPerSecond],
  ])
  for (const [key, value] of defaults) assert.equal(rows.get(key)?.split(' ')[0], String(value), key)
  assert.equal(index.uploads.releaseWindowDays, undefined)
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
    for (const [, name = ''] of read(path).matchAll(/`((?:packages|scripts|test|docs|bench)\/[^`\s]*)`/g)) {
      const found = /[*{<]/.test(name)
        ? globSync(name.replaceAll(/<[^>]*>/g, '*'), { cwd: ROOT }).length > 0
        : existsSync(join(ROOT, name))
      assert.ok(found, `${path} names ${name}`)
    }
  }
})

test('ARCHITECTURE.md and the decisions name no file or folder that is gone', () => {
  const sources = globSync(['packages/*/{src,test}/**/*.ts', '{test,scripts,bench}/**/*.ts'], { cwd: ROOT })
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
  const tests = globSync(['packages/*/src/**/*.test.ts', 'packages/*/src/**/*-contract.ts', 'test/**/*.test.ts'], {
    cwd: ROOT,
  })
  const text = tests.map(read).join('\n')
  const ids = [
    ...(section(read('SECURITY.md'), 'Threats in scope') ?? '').matchAll(/`([A-Z0-9]+(?:-[A-Z0-9]+[a-z]?)?)`/g),
  ]
  assert.ok(ids.length > 20, 'SECURITY.md names no attacks')
  for (const [, id = ''] of ids) assert.match(text, new RegExp(`\\b${id}\\b`), `SECURITY.md calls ${id} tested`)
})
