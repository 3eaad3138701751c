import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createProgram } from '../../packages/waxseal/src/program.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'

type Command = Awaited<ReturnType<typeof createProgram>>

const PROGRAM = await createProgram()

/** They make an index, or need none. */
const WITHOUT_INDEX = new Set(['init', 'serve', 'restore', 'config', 'upstream', 'setup'])

/** Every command that works on a data folder, with words for what it requires. */
function calls(command: Command, words: readonly string[]): readonly (readonly string[])[] {
  if (command.commands.length > 0) return command.commands.flatMap((child) => calls(child, [...words, child.name()]))
  const { registeredArguments, options } = command
  // `audit export` prints a document a line, whatever it is told.
  if (!['--data', '--json'].every((wanted) => options.some(({ long }) => long === wanted))) return []
  const required = registeredArguments.filter((argument) => argument.required)
  const mandatory = options.filter((option) => option.mandatory)
  return [
    [
      ...words,
      // A name, a version and a number, whichever it has to be.
      ...required.map(({ argChoices }) => argChoices?.[0] ?? '1'),
      ...mandatory.flatMap(({ long, required: wantsValue, argChoices }) =>
        wantsValue ? [long ?? '', argChoices?.[0] ?? 'x'] : [long ?? ''],
      ),
    ],
  ]
}

/** What answers nowhere: a command must not get that far, nor make a folder on its way. */
const POSTGRES = { WAXSEAL_DATABASE: 'postgres://nobody@127.0.0.1:1/none' }

describe('a data folder that does not exist', () => {
  const all = PROGRAM.commands
    .filter((command) => !WITHOUT_INDEX.has(command.name()))
    .flatMap((command) => calls(command, [command.name()]))

  it('is looked for by every command that is meant here', () => {
    const names = new Set(all.map(([name]) => name))
    for (const name of ['status', 'doctor', 'gc', 'backup', 'events', 'upgrade', 'token', 'user', 'project', 'why']) {
      assert.ok(names.has(name), name)
    }
  })

  for (const [database, env] of [
    ['SQLite', {}],
    ['PostgreSQL', POSTGRES],
  ] as const) {
    // The harder one for all: opening it makes the folder.
    const some = ['status', 'doctor', 'gc', 'backup', 'upgrade']
    for (const call of all.filter(([name = '']) => database === 'PostgreSQL' || some.includes(name))) {
      it(`is not made by waxseal ${call.join(' ')}, on ${database}`, async () => {
        await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-absent-'))
        const data = join(folder.path, 'gone')
        const run = await waxsealCommand([...call, '--data', data, '--json'], { cwd: folder.path, env })
        const { code, message } = documentOf(run)['error'] as { code: string; message: string }
        // The one that looks at the backup before it looks for whom to tell.
        const [exit, why] = call.slice(0, 2).join(' ') === 'backup verify' ? [1, 'not-found'] : [3, 'no-index']
        assert.equal(run.code, exit, run.stderr)
        // The one that looks at the database alone.
        if (database === 'SQLite' || call[0] !== 'upgrade') assert.equal(code, why, message)
        assert.doesNotMatch(run.stderr, /^\s+at /m)
        assert.deepEqual(readdirSync(folder.path), [])
      })
    }
  }
})
