import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { COLLECT_CHECK_MS, INSPECT_IN_WORKER_ABOVE } from '../../packages/index/src/limits.ts'
import { freePort } from '../support/free-port.ts'
import { buildWheel } from '../support/python-projects.ts'
import { uploadFile } from '../support/upload-form.ts'

const ROOT = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/waxseal/package.json'), 'utf8')) as { version: string }
/** Nothing at all: no PATH in which a Node could be found, no home in which anything could be cached. */
const NOTHING = { PATH: '' }

const scratch = mkdtempSync(join(tmpdir(), 'waxseal-executable-'))
const home = join(scratch, 'alone')
const waxseal = join(home, 'waxseal')
const data = join(scratch, 'data')

before(() => {
  const output = join(scratch, 'built/waxseal')
  const built = spawnSync(process.execPath, [join(ROOT, 'scripts/build-executable.ts'), output], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  assert.match(built.stdout, new RegExp(`waxseal ${version} for ${process.platform}-${process.arch} alone`))
  assert.deepEqual(readdirSync(join(scratch, 'built')).toSorted(), ['waxseal', 'waxseal.licenses.txt'])
  mkdirSync(home)
  copyFileSync(output, waxseal)
})
after(() => rmSync(scratch, { recursive: true, force: true }))

function run(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(waxseal, args, { cwd: home, env: NOTHING, encoding: 'utf8' })
}

suite('the executable, alone in a folder, with nothing in its environment', () => {
  test('says which version it is, and nothing else', () => {
    const { status, stdout, stderr } = run('--version')
    assert.deepEqual([status, stdout, stderr], [0, `${version}\n`, ''])
  })

  test('has every command of the checkout, with the very same help', () => {
    const checkout = (...args: readonly string[]): string =>
      spawnSync(process.execPath, [join(ROOT, 'packages/waxseal/src/main.ts'), ...args], { encoding: 'utf8' }).stdout
    const help = run('--help').stdout
    assert.equal(help, checkout('--help'))
    const commands = [...help.matchAll(/^ {2}([a-z]+)(?: \S+)* {2,}/gm)].map(([, name = '']) => name)
    assert.ok(commands.length > 20, help)
    for (const name of commands.filter((name) => name !== 'help')) {
      const { status, stdout, stderr } = run(name, '--help')
      assert.equal(status, 0, stderr)
      assert.match(stdout, new RegExp(`^Usage: waxseal ${name}`))
    }
  })

  test('says what is wrong, and exits as the command does', () => {
    const { status, stderr } = run('serv')
    assert.equal(status, 2)
    assert.match(stderr, /unknown command 'serv'/)
  })

  test('makes an index, serves it and its documentation, looks into uploads in a worker, and collects', async () => {
    const tokenFile = join(scratch, 'token')
    const made = run('init', '--yes', '--data', data, '--token-file', tokenFile)
    assert.equal(made.status, 0, made.stderr)

    const port = await freePort()
    const args = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--no-upstream']
    const server = spawn(waxseal, args, { cwd: home, env: NOTHING, stdio: ['ignore', 'pipe', 'pipe'] })
    const gone = once(server, 'exit')
    let log = ''
    for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text))
    const url = `http://127.0.0.1:${port}`
    try {
      const lines = createInterface(server.stdout)
      await Promise.race([once(lines, 'line'), gone.then(() => assert.fail(log))])
      const get = async (path: string): Promise<string> => {
        const answer = await fetch(`${url}${path}`)
        assert.equal(answer.status, 200, path)
        return answer.text()
      }
      await get('/-/ready')
      assert.match(await get('/docs/'), /<title>[^<]*Waxseal/)
      assert.match(await get('/docs/decisions/0020-one-executable'), /one executable/i)
      assert.match(await get('/docs/style.css'), /\{/)
      assert.equal((await fetch(`${url}/docs/../package.json`)).status, 404)
      await get('/metrics')

      const token = readFileSync(tokenFile, 'utf8').trim()
      const wheel = buildWheel({ name: 'heavy', version: '1.0', module: '#'.repeat(INSPECT_IN_WORKER_ABOVE) })
      const damaged = Buffer.from(wheel.bytes)
      damaged[INSPECT_IN_WORKER_ABOVE / 2] = 0x21
      const sha256 = createHash('sha256').update(damaged).digest('hex')
      const forged = await uploadFile({ url, token }, { ...wheel, bytes: damaged, sha256 })
      assert.equal(forged.status, 400)
      assert.match(forged.reason, /Mis-matched checksum/)
      assert.deepEqual(await uploadFile({ url, token }, wheel), { status: 200, reason: 'OK' })
      assert.match(await get('/simple/heavy/'), new RegExp(wheel.sha256))
      installsBehindTheGuard(url)
    } finally {
      server.kill('SIGTERM')
    }
    assert.deepEqual(await gone, [0, null], log)
    assert.doesNotMatch(log, /"level":"?(?:50|error)/, log)

    const doctor = run('doctor', '--data', data)
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr)
    assert.match(await collectedByServer(), /"level":"info"/)
    assert.deepEqual(readdirSync(home), ['waxseal'])
  })
})

/** Trusts an index and installs from it, as somebody does who has nothing but this file and a Python. */
function installsBehindTheGuard(url: string): void {
  const options = { cwd: home, env: { WAXSEAL_GUARD_HOME: join(scratch, 'guard') }, encoding: 'utf8' } as const
  const added = spawnSync(waxseal, ['trust', 'add', url, '--yes'], options)
  assert.equal(added.status, 0, added.stderr)
  const target = join(scratch, 'site')
  const install = ['/usr/bin/python3', '-m', 'pip', 'install', '--no-compile', '--target', target, 'heavy']
  const installed = spawnSync(waxseal, ['run', '--', ...install], options)
  assert.equal(installed.status, 0, installed.stderr)
  assert.match(installed.stderr, /waxseal: 1 file verified from/)
  assert.ok(readdirSync(target).includes('heavy-1.0.dist-info'))
}

/** A server looks every ten minutes whether it is time: this one does at once. */
async function collectedByServer(): Promise<string> {
  const hurry = join(scratch, 'hurry.cjs')
  const own = `const own = setInterval; globalThis.setInterval = (work, ms, ...rest) => own(work, ms === ${COLLECT_CHECK_MS} ? 1 : ms, ...rest)`
  writeFileSync(hurry, own)
  const args = ['serve', '--data', data, '--listen', '127.0.0.1:0', '--no-upstream']
  const env = { ...NOTHING, NODE_OPTIONS: `--require=${hurry}` }
  const server = spawn(waxseal, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = once(server, 'exit')
  server.stdout.resume()
  let log = ''
  try {
    for await (const line of createInterface(server.stderr)) {
      log += `${line}\n`
      if (line.includes('"collected garbage"')) return line
    }
    return assert.fail(log)
  } finally {
    server.kill('SIGTERM')
    await gone
  }
}
