import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from './program.ts'

/** Commands whose result is no data: a server that runs, a script for a shell; or a document a line in any case. */
const WITHOUT_JSON = new Set(['waxseal guard', 'waxseal serve', 'waxseal completion', 'waxseal audit export'])

/** The whole help of a command, as it is printed. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 200 })
  command.outputHelp()
  return text
}

/** The words without its own name, for the command that its parent does when none is named. */
function shortWords(words: string, { parent }: Command): string {
  const byDefault: unknown = parent === null ? undefined : Reflect.get(parent, '_defaultCommandName')
  return words.endsWith(` ${String(byDefault)}`) ? words.slice(0, words.lastIndexOf(' ')) : words
}

/** Every command that does something, with its words. */
function* leaves(command: Command, above: readonly string[] = []): Generator<readonly [string, Command]> {
  const words = [...above, command.name()]
  if (command.commands.length === 0) yield [words.join(' '), command]
  for (const child of command.commands) yield* leaves(child, words)
}

test('the help of every command has a description, and an example that calls it', async () => {
  for (const [words, command] of leaves(await createProgram())) {
    const help = helpOf(command)
    assert.match(command.description(), /\w{3}/, words)
    const example = help.slice(help.indexOf('\nExample'))
    assert.ok(help.includes('\nExample'), `the help of ${words} has no example`)
    const calls = (text: string): boolean => new RegExp(`[ (]${text}[ \n]`).test(example)
    assert.ok(calls(words) || calls(shortWords(words, command)), `the example of ${words} calls something else`)
    for (const { flags, description } of command.options) assert.notEqual(description, '', `${words} ${flags}`)
  }
})

test('the options in the example of a command are its own', async () => {
  for (const [words, command] of leaves(await createProgram())) {
    const help = helpOf(command)
    const lines = help.slice(help.indexOf('\nExample')).split('\n')
    for (const line of lines.filter((text) => text.includes(words) && !text.includes('--help'))) {
      for (const [long = ''] of line
        .slice(line.indexOf(words))
        .split(' -- ')[0]
        ?.matchAll(/(?<= )--[a-z0-9-]+/g) ?? []) {
        assert.ok(
          command.options.some((option) => option.long === long),
          `${words} has no ${long}, its example has`,
        )
      }
    }
  }
})

test('the help does not say of a switch that it is off', async () => {
  for (const [words, command] of leaves(await createProgram())) {
    assert.doesNotMatch(helpOf(command), /default: (?:true|false)/, words)
  }
})

test('every command that prints a result has --json', async () => {
  for (const [words, command] of leaves(await createProgram())) {
    if (WITHOUT_JSON.has(words)) continue
    assert.ok(
      command.options.some(({ long }) => long === '--json'),
      `${words} has no --json`,
    )
  }
})

test('the help of the whole tells the exit codes', async () => {
  const help = helpOf(await createProgram())
  for (const code of ['0  done', '1  refused', '2  wrong use', '3  the environment'])
    assert.ok(help.includes(code), code)
})
