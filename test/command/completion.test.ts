import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { cleanEnvironment, waxsealCommand } from '../support/command.ts'

const run = promisify(execFile)
/** False, or why a test of this program is skipped; continuous integration has them all. */
const without = (program: string): string | false =>
  process.env['CI'] !== undefined || spawnSync(program, ['--version']).status === 0
    ? false
    : `${program} is not installed`

describe('waxseal completion', () => {
  let folder: string
  const script = (shell: string): string => join(folder, `completion.${shell}`)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-completion-'))
    mkdirSync(join(folder, 'a folder'))
    writeFileSync(join(folder, 'a file'), '')
    for (const shell of ['bash', 'zsh', 'fish']) {
      const printed = await waxsealCommand(['completion', shell])
      assert.equal(printed.code, 0, printed.stderr)
      writeFileSync(script(shell), printed.stdout)
    }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** The words before the place, and what has to be offered there. */
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['tok'], ['token']],
    [
      ['token', ''],
      ['create', 'list', 'revoke', 'help'],
    ],
    [['token', 'create', '--sc'], ['--scope']],
    [
      ['token', 'create', '--scope', ''],
      ['read', 'upload', 'admin'],
    ],
    [['token', 'create', '--user', 'list', '--scope', 'u'], ['upload']],
    [['project', 'status', ''], []],
    [['project', 'status', 'billing', 'ar'], ['archived']],
    [['project', 'status', '--reason', 'token', 'billing', 'ar'], ['archived']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['serve', '--data', 'a'], ['a folder']],
    [
      ['serve', '--config', 'a f'],
      ['a file', 'a folder'],
    ],
    [['init', '--admin', ''], []],
  ]

  it('completes in bash', { skip: without('bash') }, async () => {
    const asked = [...cases, [['token', 'create', '--scope', '=', 'up'], ['upload']] as const]
    const lines = asked.map(([words]) => `offer waxseal ${words.map((word) => `'${word}'`).join(' ')}`)
    const offer = `offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _waxseal; (IFS='|'; echo "\${COMPREPLY[*]}"); }`
    const { stdout, stderr } = await run('bash', ['-c', `source ${script('bash')}; ${offer}; ${lines.join('; ')}`], {
      cwd: folder,
    })
    const offered = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('|').filter((word) => word !== ''))
    for (const [at, [words, expected]] of asked.entries()) {
      assert.deepEqual(offered[at]?.toSorted(), [...expected].toSorted(), words.join(' '))
    }
    // compopt says outside of a real completion that it has nothing to do.
    assert.doesNotMatch(stderr.replaceAll(/.*compopt.*\n/g, ''), /\S/)
  })

  it('completes in fish', { skip: without('fish') }, async () => {
    const lines = cases.map(([words]) => {
      const line = ['waxseal', ...words.map((word) => word.replace(' ', '\\ '))].join(' ')
      return `complete -C ${JSON.stringify(line)}; echo =`
    })
    const env = { ...cleanEnvironment(), HOME: folder, XDG_CONFIG_HOME: folder }
    const { stdout } = await run('fish', ['-c', `source ${script('fish')}; ${lines.join('; ')}`], { cwd: folder, env })
    const offered = stdout.split('=\n').map((part) => part.split('\n').filter((line) => line !== ''))
    for (const [at, [words, expected]] of cases.entries()) {
      const names = (offered[at] ?? []).map((line) => line.split('\t')[0]?.replaceAll('\\', '').replace(/\/$/, ''))
      assert.deepEqual(new Set(names), new Set(expected), words.join(' '))
    }
  })

  it('completes in zsh, on a terminal', { skip: without('zsh') || without('python3') }, async () => {
    const setUp = [
      "PS1='READY '",
      'unsetopt prompt_sp',
      'autoload -Uz compinit',
      'compinit -u -D',
      `source ${script('zsh')}`,
    ]
    writeFileSync(join(folder, '.zshrc'), setUp.join('\n'))
    const keys = [
      ['READY ', 'waxseal tok\t'],
      ['token', 'create --sco\t'],
      ['--scope', 'up\t'],
      ['upload', '\u0015waxseal project status billing arc\t'],
      ['archived', '\u0015waxseal serve --data a\t'],
      ['a\\ folder', '\u0015exit 0\r'],
    ]
    const driver = resolve(import.meta.dirname, '../support/terminal.py')
    const env = { ...cleanEnvironment(), TERM: 'vt100', HOME: folder, ZDOTDIR: folder }
    // Ends only when each of these was on the screen.
    const { stdout } = await run('python3', [driver, JSON.stringify(keys), 'zsh', '-i'], {
      cwd: folder,
      env,
      timeout: 30_000,
    })
    assert.match(stdout, /archived/)
  })
})
