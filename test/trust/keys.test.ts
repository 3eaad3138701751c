import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { draftFirstCeremony, generatePrivateKey, keySigner, readPublicKeyFile } from '@waxseal/trust'
import type { PublicKey } from '@waxseal/trust'
import { cleanEnvironment, documentOf, MAIN, waxsealCommand } from '../support/command.ts'
import type { Run } from '../support/command.ts'

const PASSPHRASE = 'long enough to be one'
const TERMINAL = resolve(import.meta.dirname, '../support/terminal.py')
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0
const skip = hasPython || process.env['CI'] !== undefined ? false : 'python3 is not installed'

interface Desk extends AsyncDisposable {
  readonly path: string
  waxseal(...args: readonly string[]): Promise<Run>
}

/** A machine of somebody who has a key: no index, no configuration, a file with a passphrase. */
async function desk(): Promise<Desk> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-desk-'))
  writeFileSync(join(folder.path, 'secret'), `${PASSPHRASE}\n`)
  return {
    path: folder.path,
    waxseal: (...args) => waxsealCommand(args, { cwd: folder.path }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** A request that the key of `file.pub` has to sign. */
function requestFor(pub: string): Uint8Array {
  const key = readPublicKeyFile(readFileSync(pub))
  const row = { life: 86_400_000, renewAfter: 3_600_000, threshold: 1 }
  const [offline, online] = [
    { ...row, keys: ['holder'], online: false },
    { ...row, keys: ['server'], online: true },
  ]
  const table = {
    top: { root: offline, targets: offline, snapshot: online, timestamp: online },
    named: [],
    succinct: [],
    later: { ...row, hashes: true },
  }
  const server: PublicKey = keySigner(generatePrivateKey()).key
  return draftFirstCeremony(
    table,
    new Map([
      ['holder', key],
      ['server', server],
    ]),
    Date.now(),
  ).bytes
}

describe('waxseal key', () => {
  for (const [type, scheme] of [
    ['ed25519', 'ed25519'],
    ['p256', 'ecdsa-sha2-nistp256'],
    ['rsa', 'rsassa-pss-sha256'],
  ] as const) {
    it(`makes, shows and signs with a key of type ${type}`, async () => {
      await using at = await desk()
      const made = await at.waxseal('key', 'new', 'anna.json', '--type', type, '--passphrase-file', 'secret', '--json')
      const { keyid } = documentOf(made)
      assert.equal(statSync(join(at.path, 'anna.json')).mode & 0o777, 0o600)
      assert.equal(readPublicKeyFile(readFileSync(join(at.path, 'anna.json.pub'))).keyid, keyid)
      for (const file of ['anna.json', 'anna.json.pub']) {
        assert.deepEqual(documentOf(await at.waxseal('key', 'show', file, '--json')), { keyid, type, scheme })
      }
      writeFileSync(join(at.path, 'request.json'), requestFor(join(at.path, 'anna.json.pub')))
      const sign = ['sign', 'request.json', '--key', 'anna.json', '--passphrase-file', 'secret', '--yes']
      const signed = await at.waxseal(...sign)
      assert.equal(signed.code, 0, signed.stderr)
      const out = `request.${String(keyid).slice(0, 8)}.sig.json`
      assert.ok(readFileSync(join(at.path, out), 'utf8').includes(String(keyid)))
      assert.match((await at.waxseal(...sign)).stderr, /is there already/)
    })
  }

  it('writes over nothing, and takes no passphrase that is too short', async () => {
    await using at = await desk()
    writeFileSync(join(at.path, 'short'), 'short\n')
    const short = await at.waxseal('key', 'new', 'a.json', '--passphrase-file', 'short')
    assert.deepEqual([short.code, short.stdout], [2, ''])
    assert.match(short.stderr, /--passphrase-file: short holds no passphrase\. A passphrase has 12 to/)
    // Nobody could type it at a prompt.
    writeFileSync(join(at.path, 'two'), 'two lines of\nsome length\n')
    const two = await at.waxseal('key', 'new', 'a.json', '--passphrase-file', 'two')
    assert.deepEqual([two.code, /has more than one line/.test(two.stderr)], [2, true])
    assert.deepEqual(readdirSync(at.path).toSorted(), ['secret', 'short', 'two'])
    writeFileSync(join(at.path, 'b.json.pub'), 'of somebody else')
    const there = await at.waxseal('key', 'new', 'b.json', '--passphrase-file', 'secret')
    assert.deepEqual([there.code, there.stderr], [1, 'waxseal: b.json.pub is there already: name another file.\n'])
    const silent = await at.waxseal('key', 'new', 'c.json')
    assert.match(silent.stderr, /no terminal to ask on/)
  })

  it('shows a key in clear, and in an environment variable, and writes its public half', async () => {
    await using at = await desk()
    const privateKey = generatePrivateKey()
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(join(at.path, 'clear.pem'), pem, { mode: 0o600 })
    const { keyid } = keySigner(privateKey).key
    const shown = await at.waxseal('key', 'show', 'clear.pem', '--pub', 'clear.pub')
    assert.equal(shown.stdout, `${keyid} (ed25519)\n`)
    assert.equal(readPublicKeyFile(readFileSync(join(at.path, 'clear.pub'))).keyid, keyid)
    const env = { MY_KEY: pem }
    const other = await waxsealCommand(['key', 'show', 'env:MY_KEY', '--json'], { cwd: at.path, env })
    assert.equal(documentOf(other)['keyid'], keyid)
  })

  it('puts a key under another passphrase, and the old one opens it no more', async () => {
    await using at = await desk()
    await at.waxseal('key', 'new', 'anna.json', '--passphrase-file', 'secret')
    writeFileSync(join(at.path, 'other'), 'another one that is long\n')
    const change = ['key', 'passphrase', 'anna.json', '--new-passphrase-file', 'other', '--passphrase-file']
    assert.equal((await at.waxseal(...change, 'secret')).code, 0)
    const again = await at.waxseal(...change, 'secret', '--json')
    assert.equal(again.code, 1)
    assert.equal((documentOf(again)['error'] as { readonly code: string }).code, 'passphrase-wrong')
    assert.equal((await at.waxseal(...change, 'other')).code, 0)
    writeFileSync(join(at.path, 'two'), 'two lines of\nsome length\n')
    const lines = ['key', 'passphrase', 'anna.json', '--passphrase-file', 'other', '--new-passphrase-file']
    assert.match((await at.waxseal(...lines, 'two')).stderr, /--new-passphrase-file: two holds no passphrase/)
    const silent = await at.waxseal(...lines.slice(0, -1))
    assert.match(silent.stderr, /no terminal to ask on\. .* name it with --new-passphrase-file/)
  })

  it('asks for a new passphrase twice, on a terminal', { skip }, async () => {
    await using at = await desk()
    const typed = async (...second: readonly (readonly string[])[]): Promise<string> => {
      const steps = [
        ['A passphrase for', 'short\r'],
        ['A passphrase has 12', `${'\u007f'.repeat('short'.length)}${PASSPHRASE}\r`],
        ...second,
      ]
      const args = [TERMINAL, JSON.stringify(steps), process.execPath, MAIN, 'key', 'new', 'anna.json']
      const child = spawn('python3', args, { cwd: at.path, env: cleanEnvironment() })
      return await text(child.stdout)
    }
    const given = await typed(['The same again', 'something else\r'], ['another one than before', '\u0003'])
    assert.match(given, /Cancelled: nothing was done/)
    assert.deepEqual(readdirSync(at.path), ['secret'])
    const said = await typed(['The same again', `${PASSPHRASE}\r`])
    assert.match(said, /Made the key/)
    assert.ok(!said.includes(PASSPHRASE), 'what is typed is not shown')
    const change = ['--passphrase-file', 'secret', '--new-passphrase-file', 'secret']
    const opened = await at.waxseal('key', 'passphrase', 'anna.json', ...change)
    assert.equal(opened.code, 0, opened.stderr)
  })
})

describe('waxseal sign', () => {
  it('says what changes before it asks, and signs nothing without a yes', { skip }, async () => {
    await using at = await desk()
    await at.waxseal('key', 'new', 'anna.json', '--passphrase-file', 'secret')
    writeFileSync(join(at.path, 'request.json'), requestFor(join(at.path, 'anna.json.pub')))
    const before = readdirSync(at.path)
    const silent = await at.waxseal('sign', 'request.json', '--key', 'anna.json')
    assert.equal(silent.code, 2)
    assert.match(silent.stdout, /A NEW repository begins/)
    const asked = async (answer: string, ...more: readonly string[]): Promise<string> => {
      const steps = JSON.stringify([['Sign this with the key', answer], ...(more.length > 0 ? [more] : [])])
      const args = [TERMINAL, steps, process.execPath, MAIN, 'sign', 'request.json', '--key', 'anna.json']
      return await text(spawn('python3', args, { cwd: at.path, env: cleanEnvironment() }).stdout)
    }
    assert.match(await asked('n'), /Nothing was signed/)
    assert.deepEqual(readdirSync(at.path), before)
    assert.match(await asked('y', 'The passphrase of', `${PASSPHRASE}\r`), /Signed with the key/)
    assert.equal(readdirSync(at.path).length, before.length + 1)
  })
})
