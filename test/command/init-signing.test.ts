import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { openKeyFile } from '../../packages/trust/src/signers/key-file.ts'
import { cleanEnvironment, documentOf, MAIN, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-init-signing-'))
const PASSPHRASE = 'seven quiet herons'
const GENERATED = /^ {2}((?:[\da-z]{4}-){6}[\da-z]{4})$/m
const PYTHON = spawnSync('python3', ['-c', 'import pty']).status === 0
const skip = PYTHON || process.env['CI'] !== undefined ? false : 'python3 is not installed'

interface InitDocument {
  readonly root: { readonly sha256: string }
  readonly offline_keys: { readonly files: readonly string[]; readonly passphrase: string | null }
}

/** The sha256 of the root that a data folder has. */
function isSigned(data: string): boolean {
  if (!existsSync(join(data, 'waxseal.db'))) return false
  const db = new DatabaseSync(join(data, 'waxseal.db'))
  try {
    const table = db.prepare("select 1 from sqlite_schema where name = 'tuf_file'").get()
    return table !== undefined && db.prepare("select 1 from tuf_file where role = 'root'").get() !== undefined
  } finally {
    db.close()
  }
}

describe('waxseal init, the keys', () => {
  it('are under the passphrase of a file, which is shown nowhere', async () => {
    await using folder = await scratch()
    const [data, file, offline] = ['data', 'passphrase', 'stick/keys'].map((name) => join(folder.path, name))
    writeFileSync(String(file), `${PASSPHRASE}\n`)
    const args = ['init', '--yes', '--data', String(data), '--passphrase-file', String(file)]
    const run = await waxsealCommand([...args, '--offline-keys', String(offline)])
    assert.equal(run.code, 0, run.stderr)
    assert.doesNotMatch(run.stdout + run.stderr, /herons|passphrase, shown/)
    assert.match(run.stdout, /Take them away from this machine/)
    // It ends with what a client begins with.
    assert.match(run.stdout, /\nThe root of trust: [^]*1\.root\.json\n {2}sha256 [\da-f]{64}\n$/)
    assert.deepEqual(readdirSync(String(offline)), ['root.key.json', 'targets.key.json'])
    const signer = await openKeyFile(join(String(offline), 'root.key.json'), () => PASSPHRASE)

    await using server = await startWaxseal({ dataDir: String(data), env: { WAXSEAL_OFFLINE_KEYS: '' } })
    const root = (await (await fetch(`${server.url}/tuf/1.root.json`)).json()) as {
      signed: { roles: { root: { keyids: string[] } } }
    }
    assert.deepEqual(root.signed.roles.root.keyids, [signer.key.keyid])
    // What was chosen for init holds for the server, too: it says where the keys are that should be away.
    assert.match(server.log(), new RegExp(`still on this machine: ${offline}/root\\.key\\.json`))
  })

  it('come from standard input as well, and a generated passphrase is in the document', async () => {
    await using folder = await scratch()
    const told = async (name: string, more: readonly string[], input = '') => {
      const args = ['init', '--yes', '--json', '--data', join(folder.path, name), ...more]
      const run = await waxsealCommand(args, { input })
      assert.equal(run.code, 0, run.stderr)
      return { run, document: documentOf(run) as unknown as InitDocument }
    }
    const given = await told('one', ['--passphrase-file', '-'], `${PASSPHRASE}\n`)
    assert.equal(given.document.offline_keys.passphrase, null)
    const [first = ''] = given.document.offline_keys.files
    await openKeyFile(first, () => PASSPHRASE)
    const made = await told('two', [])
    const { passphrase, files } = made.document.offline_keys
    await openKeyFile(files[0] ?? '', () => passphrase ?? '')
    // Told before anything is signed, in case the document never comes.
    assert.equal(GENERATED.exec(made.run.stderr)?.[1], passphrase)
  })

  it('are made under no passphrase that is none: nothing else is, either', async () => {
    await using folder = await scratch()
    const file = join(folder.path, 'passphrase')
    const args = ['init', '--yes', '--data', join(folder.path, 'data'), '--passphrase-file', file]
    for (const [text, pattern] of [
      ['short', /A passphrase has 12 to 1024 characters/],
      ['', /A passphrase has 12 to 1024 characters/],
      ['two lines of\nsome length', /has more than one line/],
    ] as const) {
      writeFileSync(file, text)
      const run = await waxsealCommand(args)
      assert.equal(run.code, 2)
      assert.match(run.stderr, pattern)
      if (text !== '') assert.ok(!run.stderr.includes(text))
    }
    const absent = await waxsealCommand([...args.slice(0, -1), join(folder.path, 'gone')])
    assert.deepEqual([absent.code, /there is no such file/.test(absent.stderr)], [2, true])
    assert.deepEqual(readdirSync(folder.path), ['passphrase'])
  })

  it('need a folder outside of the data folder that takes them; else nothing is made', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    writeFileSync(join(folder.path, 'file'), '')
    const into = (offline: string) => waxsealCommand(['init', '--yes', '--data', data, '--offline-keys', offline])
    for (const inside of [data, join(data, 'keys'), join(data, 'deep/er')]) {
      const run = await into(inside)
      assert.equal(run.code, 2)
      assert.match(run.stderr, /--offline-keys: stands inside the data folder .* has to be another one/)
    }
    for (const nowhere of ['/proc/waxseal', join(folder.path, 'file/keys')]) {
      const run = await into(nowhere)
      assert.equal(run.code, 3)
      assert.match(run.stderr, /cannot be put into .* Say where with --offline-keys: a folder outside the data folder/)
    }
    assert.deepEqual(readdirSync(folder.path), ['file'])
    // A folder beside, whose name only begins alike, is none inside.
    assert.equal((await into(`${data}-keys`)).code, 0)
  })

  it('of another index are never written over', async () => {
    await using folder = await scratch()
    const offline = join(folder.path, 'offline')
    mkdirSync(offline)
    writeFileSync(join(offline, 'root.key.json'), 'precious')
    const args = ['init', '--yes', '--json', '--data', join(folder.path, 'data'), '--offline-keys', offline]
    assert.equal((await waxsealCommand(args)).code, 0)
    assert.equal(readFileSync(join(offline, 'root.key.json'), 'utf8'), 'precious')
    assert.deepEqual(readdirSync(`${offline}-2`), ['root.key.json', 'targets.key.json'])
  })

  it('of the server may all be one, in a variable: none is made then', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const pem = spawnSync('openssl', ['genpkey', '-algorithm', 'ed25519'], { encoding: 'utf8' }).stdout
    const env = {
      ...Object.fromEntries(
        ['TIMESTAMP', 'SNAPSHOT', 'DENY', 'NAMES', 'SELECT', 'PAGES'].map((name) => [
          `WAXSEAL_SIGNING_${name}`,
          'env:WAXSEAL_KEY_ONLINE',
        ]),
      ),
      WAXSEAL_KEY_ONLINE: pem,
    }
    const run = await waxsealCommand(['init', '--yes', '--data', data, '--no-upstream'], { env })
    assert.equal(run.code, 0, run.stderr)
    assert.ok(!existsSync(join(data, 'keys')))
    await using server = await startWaxseal({ dataDir: data, env })
    const claimed = await waxsealCommand(['project', 'claim', 'acme', '--data', data], { env })
    assert.equal(claimed.code, 0, claimed.stderr)
    assert.equal((await fetch(`${server.url}/tuf/targets/simple/acme/index.json`)).status, 404, 'only by its hash')
    assert.doesNotMatch(server.log(), /means nothing|cannot be used/)
    // A running one publishes what a command cannot sign.
    assert.equal(await server.stop(), 0)
    const without = await waxsealCommand(['project', 'claim', 'acme-two', '--data', data], {
      env: { ...env, WAXSEAL_KEY_ONLINE: '' },
    })
    assert.match(without.stderr, /The environment variable WAXSEAL_KEY_ONLINE is not set/)
  })

  it('killed at any step of a new index: the same command ends well, and no key signs whose passphrase nobody saw', async () => {
    const steps = [
      'keys',
      'keys/timestamp.pem',
      'keys/pages.pem',
      'offline/root.key.json',
      'offline/targets.key.json',
      'told',
    ]
    for (const step of steps) {
      await using folder = await scratch()
      const [data, offline] = [join(folder.path, 'data'), join(folder.path, 'offline')]
      const args = ['init', '--yes', '--data', data, '--offline-keys', offline, '--no-upstream']
      const said = await killedAt(step, folder.path, args)
      const passphrase = GENERATED.exec(said)?.[1]
      const signedBefore = isSigned(data)
      if (signedBefore) assert.ok(passphrase !== undefined, step)
      const again = await waxsealCommand([...args, '--json'])
      // The kill may have come too late.
      if (/\nThe root of trust/.test(said)) continue
      assert.equal(again.code, 0, `${step}: ${again.stderr}`)
      const told = (documentOf(again) as unknown as InitDocument).offline_keys
      const opened = signedBefore ? passphrase : told.passphrase
      await using server = await startWaxseal({ dataDir: data, env: { WAXSEAL_ADMIN_TOKEN: '' } })
      const root = await (await fetch(`${server.url}/tuf/1.root.json`)).text()
      const keys = await Promise.all(
        told.files
          .filter((file) => file.endsWith('root.key.json'))
          .map((file) => openKeyFile(file, () => opened ?? '').catch(() => undefined)),
      )
      assert.ok(
        keys.some((signer) => signer !== undefined && root.includes(signer.key.keyid)),
        step,
      )
    }
  })

  it('killed at any step of signing an index that is there: it is unsigned and works, or signed; and is signed next time', async () => {
    await using old = await scratch()
    const unsigned = join(old.path, 'data')
    await unsignedIndex(unsigned)
    for (const step of ['keys/pages.pem', 'offline/root.key.json', 'told']) {
      await using folder = await scratch()
      const [data, offline] = [join(folder.path, 'data'), join(folder.path, 'offline')]
      spawnSync('cp', ['-a', unsigned, data])
      const args = ['init', '--yes', '--data', data, '--offline-keys', offline]
      const said = await killedAt(step, folder.path, args)
      const signedBefore = isSigned(data)
      if (signedBefore) assert.match(said, GENERATED, step)
      const again = await waxsealCommand([...args, '--json'])
      assert.equal(again.code, signedBefore ? 1 : 0, `${step}: ${again.stderr}`)
      await using server = await startWaxseal({ dataDir: data })
      assert.match(server.log(), /^ {2}signed {5}yes/m)
      assert.equal((await fetch(`${server.url}/simple/acme/`)).status, 200)
    }
  })

  it('asks for a passphrase on a terminal, twice, and takes no short one', { skip }, async () => {
    await using folder = await scratch()
    const answers = [
      ['A passphrase for the offline keys', 'short\r'],
      ['A passphrase has 12', `\u007f\u007f\u007f\u007f\u007f${PASSPHRASE}\r`],
      ['The same again', 'seven loud herons\r'],
      ['another one than before', `${'\u007f'.repeat('seven loud herons'.length)}${PASSPHRASE}\r`],
    ]
    const options = ['--data', 'new', '--listen', '127.0.0.1:0', '--no-upstream', '--prefix', 'corp', '--public']
    const asked = [['At which https', '\r'], ...answers]
    const said = await onTerminal(folder.path, asked, [...options, '--admin', 'root'])
    assert.doesNotMatch(said, /herons|shown this once; write/)
    await openKeyFile(join(folder.path, 'new.offline-keys/root.key.json'), () => PASSPHRASE)
  })

  it('makes a passphrase on a terminal for whoever gives none, also for an index that is there', { skip }, async () => {
    await using folder = await scratch()
    await unsignedIndex(join(folder.path, 'data'))
    const said = await onTerminal(folder.path, [['A passphrase for the offline keys', '\r']], ['--data', 'data'])
    const passphrase = GENERATED.exec(said.replaceAll('\r', ''))?.[1] ?? ''
    await openKeyFile(join(folder.path, 'data.offline-keys/root.key.json'), () => passphrase)
  })
})

/** An index that was made before there were signatures, with one name. */
async function unsignedIndex(data: string): Promise<void> {
  const made = await waxsealCommand(['init', '--yes', '--data', data, '--no-upstream'])
  assert.equal(made.code, 0, made.stderr)
  const claimed = await waxsealCommand(['project', 'claim', 'acme', '--data', data])
  assert.equal(claimed.code, 0, claimed.stderr)
  const db = new DatabaseSync(join(data, 'waxseal.db'))
  db.exec("delete from tuf_file; delete from setting where key = 'trust'")
  db.close()
  spawnSync('rm', ['-r', join(data, 'keys'), `${data}.offline-keys`])
}

/** Runs `waxseal …` until `step`: a file below `folder` is there, or the passphrase is told. What it said. */
async function killedAt(step: string, folder: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (step === 'told' && GENERATED.test(said)) child.kill('SIGKILL')
    })
  }
  const path = join(folder, step.startsWith('offline') || step === 'told' ? step : join('data', step))
  const look = (): void => {
    if (existsSync(path)) child.kill('SIGKILL')
  }
  mkdirSync(join(folder, 'data'), { recursive: true })
  mkdirSync(join(folder, 'offline'), { recursive: true })
  using watching = new DisposableStack()
  for (const name of ['data', 'offline']) {
    const watcher = watch(join(folder, name), { recursive: true }, look)
    watching.defer(() => watcher.close())
  }
  await once(child, 'close')
  return said
}

/** What a terminal shows of `waxseal init …`. */
async function onTerminal(
  cwd: string,
  answers: readonly (readonly string[])[],
  options: readonly string[],
): Promise<string> {
  const driver = resolve(import.meta.dirname, '../support/terminal.py')
  const command = [driver, JSON.stringify(answers), process.execPath, MAIN, 'init', ...options]
  return (await promisify(execFile)('python3', command, { cwd, env: cleanEnvironment() })).stdout
}
