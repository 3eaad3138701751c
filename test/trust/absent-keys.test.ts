import assert from 'node:assert/strict'
import { chmod, cp, mkdtempDisposable, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { generatePrivateKey } from '@waxseal/trust'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from './trusting-clients.ts'

const ALONE = { args: ['--no-upstream'] }
const yank = (dataDir: string, ...more: readonly string[]) =>
  waxsealCommand(['release', 'yank', 'acme-hello', '1.0', '--reason', 'no', '--data', dataDir, ...more])

async function signedIndex(dataDir: string) {
  const server = await startWaxseal({ ...ALONE, dataDir })
  const file = buildWheel({ name: 'acme-hello', version: '1.0' })
  assert.deepEqual(await uploadFile(server, file), { status: 200, reason: 'OK' })
  return server
}

void test('a server refuses to start without the keys that sign, and says which, where and what to do', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-keys-'))
  const dataDir = join(folder.path, 'data')
  await (await signedIndex(dataDir)).stop()
  const start = async (): Promise<string> => {
    const { code, stderr } = await waxsealCommand([
      'serve',
      '--data',
      dataDir,
      '--listen',
      '127.0.0.1:0',
      '--no-upstream',
    ])
    assert.equal(code, 3, stderr)
    return stderr
  }
  const [pages, timestamp] = [join(dataDir, 'keys', 'pages.pem'), join(dataDir, 'keys', 'timestamp.pem')]
  const held = await readFile(pages)
  await rm(pages)
  const absent = await start()
  assert.match(
    absent,
    /a key that signs it cannot be used\.\npages, looked for at .*pages\.pem: .*Wanted is [0-9a-f]{64}\./,
  )
  assert.match(absent, /Put the keys where they are looked for, or say where they are/)
  assert.doesNotMatch(absent, /timestamp\.pem/, 'those that are right are not named')

  await writeFile(pages, generatePrivateKey().export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  assert.match(await start(), /pages\.pem: what is there is the key [0-9a-f]{64}\. Wanted is [0-9a-f]{64}\./)

  await writeFile(pages, held)
  await chmod(timestamp, 0o644)
  assert.match(await start(), /timestamp\.pem may be read by others \(mode 644\)\. Run: chmod 600/)
  await chmod(timestamp, 0o600)
  await using server = await startWaxseal({ ...ALONE, dataDir })
  await using clients = await trustingClients(server.url)
  await clients.follow(server.url, ['acme-hello'])
})

void test('a read-only server serves what is signed and needs no keys', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-keys-'))
  const dataDir = join(folder.path, 'data')
  await (await signedIndex(dataDir)).stop()
  await rm(join(dataDir, 'keys'), { recursive: true })
  const before = await readFile(join(dataDir, 'waxseal.db'))
  await using server = await startWaxseal({ args: ['--no-upstream', '--read-only'], dataDir })
  await using clients = await trustingClients(server.url)
  await clients.follow(server.url, ['acme-hello'])
  assert.equal(await server.stop(), 0)
  assert.deepEqual(await readFile(join(dataDir, 'waxseal.db')), before)
})

void test('a command that cannot open the keys leaves publishing to the running server', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-keys-'))
  const dataDir = join(folder.path, 'data')
  await using server = await signedIndex(dataDir)
  await using clients = await trustingClients(server.url)
  const before = await clients.follow(server.url, ['acme-hello'])
  // The server opened them at its start.
  await rename(join(dataDir, 'keys'), join(folder.path, 'elsewhere'))
  const { code, stdout, stderr } = await yank(dataDir, '--json')
  assert.deepEqual([code, stderr], [0, ''])
  const { snapshot } = JSON.parse(stdout) as { snapshot: number }
  assert.ok(snapshot > before)
  assert.equal(await clients.follow(server.url, ['acme-hello']), snapshot)
  await rename(join(folder.path, 'elsewhere'), join(dataDir, 'keys'))
})

void test('without a running server the change waits for the next, and the command says so', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-keys-'))
  const dataDir = join(folder.path, 'data')
  const first = await signedIndex(dataDir)
  await using clients = await trustingClients(first.url)
  const before = await clients.follow(first.url, ['acme-hello'])
  await first.stop()
  await rename(join(dataDir, 'keys'), join(folder.path, 'elsewhere'))
  const { code, stderr } = await yank(dataDir)
  assert.equal(code, 0)
  assert.match(
    stderr,
    /^Not published yet: this command cannot sign \(The key file .*[^.]\), and no .* The change is written; the next server that starts publishes it\.\n$/s,
  )
  await cp(join(folder.path, 'elsewhere'), join(dataDir, 'keys'), { recursive: true })
  await using server = await startWaxseal({ ...ALONE, dataDir })
  assert.ok((await clients.follow(server.url, ['acme-hello'])) > before)
})
