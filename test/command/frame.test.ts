import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { MAIN, cleanEnvironment, documentOf, waxsealCommand } from '../support/command.ts'

describe('the command line', () => {
  it('without a command prints the help on standard error, and exits with 2', async () => {
    for (const args of [[], ['token']]) {
      const run = await waxsealCommand(args)
      assert.deepEqual([run.code, run.stdout], [2, ''])
      assert.match(
        run.stderr,
        new RegExp(`^Usage: waxseal ${args.map((word) => `${word} `).join('')}\\[options\\] \\[command\\]`),
      )
    }
  })

  it('suggests what was probably meant, and names the help to read', async () => {
    const command = await waxsealCommand(['confg'])
    assert.equal(command.code, 2)
    assert.match(command.stderr, /unknown command 'confg'\n\(Did you mean config\?\)\n\(see: waxseal --help\)/)
    const option = await waxsealCommand(['token', 'list', '--usr', 'ci', '--json'])
    assert.match(option.stderr, /Did you mean --user\?\)\n\(see: waxseal token list --help\)/)
    assert.equal((documentOf(option)['error'] as { code: string }).code, 'wrong-use')
  })

  it('tells the exit codes in its help, and exits with 0 for it', async () => {
    const run = await waxsealCommand(['--help'])
    assert.deepEqual([run.code, run.stderr], [0, ''])
    assert.match(
      run.stdout,
      /Exit codes:\n {2}0 {2}done\n {2}1 {2}refused.*\n {2}2 {2}wrong use.*\n {2}3 {2}the environment/,
    )
  })

  it('ends quietly when nobody reads on (EPIPE)', async () => {
    const args = [MAIN, 'completion', 'bash']
    const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    assert.deepEqual(await once(child, 'close'), [0, null])
    assert.equal(said, '')
  })

  it(
    'exits with 3 when its output cannot be written',
    { skip: !existsSync('/dev/full') && 'there is no /dev/full' },
    () => {
      const line = `"${process.execPath}" "${MAIN}" completion bash >/dev/full`
      const run = spawnSync('sh', ['-c', line], { env: cleanEnvironment(), encoding: 'utf8' })
      assert.equal(run.status, 3)
      assert.equal(run.stderr, 'waxseal: What there is to say could not be written (ENOSPC).\n')
    },
  )

  it('exits with 3 and a sentence when nothing is left that could bring it to its end', async () => {
    const never = `import fs, { promises } from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      promises.stat = () => new Promise(() => {})
      syncBuiltinESMExports()`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(never)}` }
    const run = await waxsealCommand(['backup', 'verify', '/nowhere', '--json'], { env })
    assert.equal(run.code, 3)
    assert.match(run.stderr, /^waxseal: The command stopped in its midst[^\n]+\n$/)
    assert.equal((documentOf(run)['error'] as { code: string }).code, 'failed')
  })
})
