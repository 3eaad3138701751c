import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { MAIN, cleanEnvironment, documentOf, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-init-'))
const mode = (path: string): number => statSync(path).mode & 0o777
/** What stands in a folder, names, sizes and times. */
const state = (folder: string): readonly string[] =>
  readdirSync(folder).map(
    (name) => `${name} ${statSync(join(folder, name)).size} ${statSync(join(folder, name)).mtimeMs}`,
  )

const PYTHON = spawnSync('python3', ['-c', 'import pty']).status === 0
const skip = PYTHON || process.env['CI'] !== undefined ? false : 'python3 is not installed'

describe('waxseal init', () => {
  it('without a terminal says what to add, and makes nothing', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const run = await waxsealCommand(['init', '--data', data, '--json'])
    assert.equal(run.code, 2)
    assert.match(run.stderr, new RegExp(`no terminal to ask on.*waxseal init --data ${data} --yes\\n$`))
    assert.deepEqual(readdirSync(folder.path), [])
  })

  it('makes an index that serves what was chosen, with the token that it showed', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const args = [
      'init',
      '--yes',
      '--data',
      data,
      '--no-upstream',
      '--prefix',
      'Corp',
      '--private',
      '--admin',
      'root',
      '--json',
    ]
    const run = await waxsealCommand(args)
    assert.equal(run.code, 0, run.stderr)
    const { token, config, user, next } = documentOf(run)
    assert.equal(user, 'root')
    assert.match(String((next as string[])[0]), /^waxseal serve --data /)
    assert.equal(config, join(data, 'waxseal.toml'))
    assert.deepEqual([mode(data), mode(config)], [0o700, 0o600])
    assert.match(readFileSync(config, 'utf8'), /^reading = "private"$[^]*^prefixes = \["Corp"\]$[^]*^\[upstream\]\n$/m)

    const before = state(data)
    const again = await waxsealCommand(args)
    assert.deepEqual([again.code, (documentOf(again)['error'] as { code: string }).code], [1, 'occupied'])
    assert.deepEqual(state(data), before)

    await using server = await startWaxseal({ dataDir: data, env: { WAXSEAL_ADMIN_TOKEN: '' } })
    assert.match(server.log(), /Admin token: the one from init\./)
    assert.match(server.log(), /prefixes +corp\n +unclaimed +\* open; files 3 days old\n +reading +private/)
    const users = await fetch(`${server.url}/api/v1/tokens`, { headers: { authorization: `Bearer ${String(token)}` } })
    const listed = (await users.json()) as { tokens: { user: string }[] }
    assert.deepEqual(
      listed.tokens.map((one) => one.user),
      ['root'],
    )
  })

  it('writes the token to a file for its owner alone; does nothing when one is there', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const file = join(folder.path, 'token')
    writeFileSync(file, 'precious')
    const args = ['init', '--yes', '--data', data, '--token-file', file]
    assert.equal((await waxsealCommand(args)).code, 1)
    assert.deepEqual([readFileSync(file, 'utf8'), readdirSync(folder.path)], ['precious', ['token']])
    const nowhere = [...args.slice(0, -1), join(folder.path, 'gone/token')]
    assert.equal((await waxsealCommand(nowhere)).code, 3)
    assert.deepEqual(readdirSync(folder.path), ['token'])
    writeFileSync(file, '')
    const run = await waxsealCommand(args)
    assert.equal(run.code, 0, run.stderr)
    assert.match(readFileSync(file, 'utf8'), /^wax_[\w-]+\n$/)
    assert.equal(mode(file), 0o600)
    assert.doesNotMatch(run.stdout, /wax_/)
  })

  it('begins one again that was cut short, and shows a token that works', async () => {
    await using folder = await scratch()
    const first = documentOf(await waxsealCommand(['init', '--yes', '--data', folder.path, '--json']))
    // As if it had been killed before its last two steps, and nobody saw what it printed.
    writeFileSync(join(folder.path, 'init.unfinished'), '999999999\n')
    const second = documentOf(
      await waxsealCommand(['init', '--yes', '--data', folder.path, '--json', '--admin', 'chief']),
    )
    assert.notEqual(first['token'], second['token'])
    const users = documentOf(await waxsealCommand(['user', 'list', '--data', folder.path, '--json']))['users']
    assert.deepEqual(
      (users as { name: string }[]).map(({ name }) => name),
      ['chief'],
    )
    assert.ok(!readdirSync(folder.path).includes('init.unfinished'))
  })

  it('killed at any step, is brought to its end by the same command, and the file has a token that works', async () => {
    for (const seen of ['init.unfinished', 'waxseal.db', 'token', 'waxseal.toml']) {
      await using folder = await scratch()
      const [data, file] = [join(folder.path, 'data'), join(folder.path, 'token')]
      await mkdir(data)
      const args = ['init', '--yes', '--data', data, '--token-file', file]
      const child = spawn(process.execPath, [MAIN, ...args], { env: cleanEnvironment(), stdio: 'ignore' })
      const ended = once(child, 'exit')
      const place = seen === 'token' ? folder.path : data
      const watcher = watch(place)
      watcher.on('change', (_kind, name) => {
        if (name === seen && (statSync(join(place, seen), { throwIfNoEntry: false })?.size ?? 0) > 0) {
          child.kill('SIGKILL')
        }
      })
      await ended
      watcher.close()
      const again = await waxsealCommand(args)
      // The kill may have come too late.
      if (again.code !== 0) assert.match(again.stderr, /There is an index in/, seen)
      assert.ok(!readdirSync(data).includes('init.unfinished'), seen)
      await using server = await startWaxseal({ dataDir: data, env: { WAXSEAL_ADMIN_TOKEN: '' } })
      const authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`
      assert.equal((await fetch(`${server.url}/api/v1/tokens`, { headers: { authorization } })).status, 200, seen)
    }
  })

  it('begun again, writes over no file but one with the very token that it made; and says which holds', async () => {
    await using folder = await scratch()
    const [data, file] = [join(folder.path, 'data'), join(folder.path, 'token')]
    const args = ['init', '--yes', '--data', data, '--token-file', file, '--json']
    const cutShort = (): void => writeFileSync(join(data, 'init.unfinished'), '999999999\n')
    assert.equal((await waxsealCommand(args)).code, 0)
    const made = readFileSync(file, 'utf8')
    // As if it had been killed when the file was written.
    cutShort()
    const second = await waxsealCommand([...args, '--admin', 'chief'])
    assert.equal(second.code, 0, second.stderr)
    const { user, token_file: tokenFile } = documentOf(second)
    assert.deepEqual([user, tokenFile, readFileSync(file, 'utf8')], ['admin', file, made])
    // Somebody's file meanwhile: also one that looks like a token.
    for (const precious of ['precious', `wax_${'A'.repeat(43)}\n`]) {
      cutShort()
      writeFileSync(file, precious)
      const refused = await waxsealCommand(args)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /token is there already, .*Choose another file, or remove this one/)
      assert.equal(readFileSync(file, 'utf8'), precious)
    }
    rmSync(file)
    const third = await waxsealCommand(args)
    assert.equal(third.code, 0, third.stderr)
    assert.match(readFileSync(file, 'utf8'), /^wax_[\w-]+\n$/)
    assert.notEqual(readFileSync(file, 'utf8'), made)
  })

  it('leaves no file behind for a token that it does not make', async () => {
    await using folder = await scratch()
    const [data, file] = [join(folder.path, 'data'), join(folder.path, 'token')]
    const env = { WAXSEAL_ADMIN_TOKEN: 'a-token-of-the-environment-long-enough' }
    const run = await waxsealCommand(['init', '--yes', '--data', data, '--token-file', file, '--json'], { env })
    assert.equal(run.code, 0, run.stderr)
    assert.equal(documentOf(run)['token_file'], null)
    assert.deepEqual(readdirSync(folder.path), ['data', 'data.offline-keys'])
  })

  it('tells everything that is wrong with its options, and makes nothing', async () => {
    await using folder = await scratch()
    const options = ['--listen', 'x', '--upstream', 'a', '--prefix', 'b!', '--public-url', 'c']
    const run = await waxsealCommand(['init', '--yes', '--data', join(folder.path, 'data'), ...options])
    assert.equal(run.code, 2)
    for (const flag of ['--listen', '--upstream', '--prefix', '--public-url'])
      assert.match(run.stderr, new RegExp(`  ${flag}: `))
    assert.deepEqual(readdirSync(folder.path), [])
  })

  it('asks on a terminal, says at once what cannot be, and asks nothing that an option says', { skip }, async () => {
    await using folder = await scratch()
    await mkdir(join(folder.path, 'full/something'), { recursive: true })
    const answers = [
      ['Which folder', `${folder.path}/full\r`],
      ['is not empty', '\b'.repeat(4).replaceAll('\b', '\u007f') + 'new\r'],
      ['Where shall it listen', '\r'],
      ['At which https address', '\r'],
      ['Where do packages come from', '\u001b[B\u001b[B\r'],
      ['Which names are yours', 'corp, acme\r'],
      ['Who may install', '\u001b[B\r'],
      ['A passphrase for the offline keys', '\r'],
    ]
    const driver = resolve(import.meta.dirname, '../support/terminal.py')
    const command = [driver, JSON.stringify(answers), process.execPath, MAIN, 'init', '--admin', 'root']
    const { stdout } = await promisify(execFile)('python3', command, { cwd: folder.path, env: cleanEnvironment() })
    assert.match(stdout, /Admin token, shown this once:\r?\n +wax_/)
    const written = readFileSync(join(folder.path, 'new/waxseal.toml'), 'utf8')
    for (const line of [
      'listen = "127.0.0.1:8417"',
      'prefixes = ["corp", "acme"]',
      'reading = "private"',
      '[upstream]',
    ]) {
      assert.ok(written.includes(`\n${line}\n`), line)
    }
    assert.doesNotMatch(stdout, /first administrator\?/)
  })
})
