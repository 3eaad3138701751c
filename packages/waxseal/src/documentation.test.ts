import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from './program.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from './config/defaults.ts'
import { loadConfig } from './config/load.ts'
import { CONFIG_TABLES } from './config/keys.ts'

/** A page of the user's documentation. */
const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../../docs', name), 'utf8')

/** The text below the heading `title`, up to the next heading of the same level; undefined without one. */
function section(page: string, title: string): string | undefined {
  const start = `\n${page}`.indexOf(`\n## ${title}\n`)
  if (start === -1) return undefined
  const body = page.slice(start + title.length + 4)
  const end = body.indexOf('\n## ')
  return end === -1 ? body : body.slice(0, end)
}

/** Commands that do something, with the words that call them. */
function leaves(command: Command, words: readonly string[]): readonly (readonly [string, Command])[] {
  const here = [...words, command.name()]
  if (command.commands.length === 0) return [[here.join(' '), command]]
  return command.commands.flatMap((child) => leaves(child, here))
}

/** Options that `docs/commands.md` describes once for all commands. */
const SHARED = new Set(['--data', '--config', '--json'])

test('docs/commands.md has a section for every command, with its options and arguments', async () => {
  const page = read('commands.md')
  const commands = leaves(await createProgram(), [])
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

test("README.md's table of commands has every command and subcommand, in the order of the help, and no other", async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')
  const rows = [...(section(page, 'The command') ?? '').matchAll(/^\| `waxseal ([^|]*) \|/gm)]
  const listed = rows.map(([, cell = '']) => cell.replaceAll(/[`,]/g, '').trim().split(' '))
  const { commands } = await createProgram()
  assert.deepEqual(
    listed.map(([name, ...subcommands]) => [name, subcommands.toSorted()]),
    commands.map((command) => [command.name(), command.commands.map((child) => child.name()).toSorted()]),
  )
})

test('docs/configuration.md has every key of the configuration file, and no other', () => {
  const tables = new Map<string, readonly string[]>(
    CONFIG_TABLES.map(({ path, keys }) => [
      path.length === 0 ? 'Top level' : `\`[${path.join('.')}]\``,
      keys.map((key) => key.path.at(-1) ?? ''),
    ]),
  )
  const page = read('configuration.md')
  for (const [title, keys] of tables) {
    const rows = [...(section(page, title) ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key)
    assert.deepEqual(new Set(rows), new Set(keys), title)
  }
})

test('docs/configuration.md gives the defaults that hold', async () => {
  const page = read('configuration.md')
  const { index } = await loadConfig({ config: '/dev/null' }, {})
  const [upstream] = index.upstreams
  assert.equal(upstream?.url, DEFAULT_UPSTREAM.url)
  assert.ok(page.includes(`\`${DEFAULT_UPSTREAM.url}\``))
  const defaults: readonly (readonly [string, string, string | number])[] = [
    ['Top level', 'data', `\`${DEFAULT_DATA}\``],
    ['Top level', 'listen', `\`${DEFAULT_LISTEN}\``],
    ['Top level', 'reading', `\`${index.reading}\``],
    ['`[uploads]`', 'max-file-size', index.uploads.maxFileSize],
    ['`[uploads]`', 'max-project-size', index.uploads.maxProjectSize],
    ['`[upstream.NAME]`', 'max-file-size', upstream.maxFileBytes],
    ['`[upstream.NAME]`', 'refresh-seconds', upstream.refreshSeconds],
    ['`[upstream.NAME]`', 'negative-seconds', upstream.negativeSeconds],
    ['`[upstream.NAME]`', 'first-byte-timeout-seconds', upstream.firstByteTimeoutMs / 1000],
    ['`[upstream.NAME]`', 'min-bytes-per-second', upstream.minBytesPerSecond],
  ]
  for (const [title, key, value] of defaults) {
    const rows = (section(page, title) ?? '').split('\n').filter((line) => line.startsWith(`| \`${key}\` |`))
    assert.equal(rows.length, 1, `${title} ${key}`)
    assert.equal(rows[0]?.split(' | ')[2]?.split(' ')[0], String(value), `${title} ${key}`)
  }
  assert.equal(index.uploads.releaseWindowDays, undefined)
})
