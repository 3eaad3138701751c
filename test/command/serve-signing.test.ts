import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { generatePrivateKey } from '../../packages/trust/src/key-signer.ts'
import { decryptKey, readEncryptedKey } from '../../packages/trust/src/signers/encrypted-key.ts'
import { createKeyFile, openKeyFile } from '../../packages/trust/src/signers/key-file.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-serve-signing-'))
const PASSPHRASE = /shown this once; write it down:\n {2}(\S+)/
const LEFT = /Warning: the offline keys of this index are still on this machine: (.*)/
/** The keys beside the data folder, as without any option. */
const plain = (dataDir: string) => ({ dataDir, args: ['--no-upstream'], env: { WAXSEAL_OFFLINE_KEYS: '' } })

describe('waxseal serve, signing', () => {
  it('signs a new index, shows its passphrase once, and says at each start that its offline keys are there until they are not', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const beside = `${data}.offline-keys`
    const files = ['root', 'targets'].map((name) => join(beside, `${name}.key.json`))
    {
      await using server = await startWaxseal(plain(data))
      const passphrase = PASSPHRASE.exec(server.log())?.[1] ?? ''
      await openKeyFile(files[0] ?? '', () => passphrase)
      assert.equal(LEFT.exec(server.log())?.[1], files.join(', '))
      assert.match(server.log(), /^ {2}signed {5}yes; root: http:\S+\/tuf\/1\.root\.json\n {2}its sha256 [\da-f]{64}$/m)
    }
    {
      await using server = await startWaxseal(plain(data))
      assert.doesNotMatch(server.log(), PASSPHRASE)
      assert.equal(LEFT.exec(server.log())?.[1], files.join(', '))
    }
    renameSync(files[0] ?? '', join(folder.path, 'stick'))
    {
      await using server = await startWaxseal(plain(data))
      assert.equal(LEFT.exec(server.log())?.[1], files[1])
    }
    rmSync(beside, { recursive: true })
    await using server = await startWaxseal(plain(data))
    assert.doesNotMatch(server.log(), LEFT)
  })

  it('refuses an offline key in the data folder, whatever it is called, unless it is allowed by name', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const beside = `${data}.offline-keys`
    {
      await using server = await startWaxseal(plain(data))
      assert.equal(await server.stop(), 0)
    }
    const places = [join(data, 'old.bin'), join(data, 'keys/targets')]
    cpSync(join(beside, 'root.key.json'), places[0] ?? '')
    cpSync(join(beside, 'targets.key.json'), places[1] ?? '')
    await assert.rejects(startWaxseal(plain(data)), (error: Error) => {
      assert.match(error.message, /exited with 1 before it was ready/)
      assert.ok(error.message.includes(`In the data folder lie offline keys`), error.message)
      assert.ok(error.message.includes(`--allow-offline-key ${places[0]} --allow-offline-key ${places[1]}`))
      return true
    })
    const one = { ...plain(data), args: ['--no-upstream', '--allow-offline-key', places[0] ?? ''] }
    await assert.rejects(startWaxseal(one), (error: Error) => {
      assert.ok(error.message.includes(`would have too: ${places[1]}. Move`), error.message)
      return true
    })
    await using server = await startWaxseal({ ...one, args: [...one.args, '--allow-offline-key', places[1] ?? ''] })
    assert.equal(
      LEFT.exec(server.log())?.[1],
      [...['root', 'targets'].map((name) => join(beside, `${name}.key.json`)), ...places].join(', '),
    )
  })

  it('knows an offline key in clear, too, which others may even read; and is not confused by other files', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    let passphrase = ''
    {
      await using server = await startWaxseal(plain(data))
      passphrase = PASSPHRASE.exec(server.log())?.[1] ?? ''
    }
    const place = join(data, 'root.pem')
    // Keys of others, what is no key, a folder, and a link to nowhere.
    await createKeyFile(join(data, 'other.pem'), generatePrivateKey())
    writeFileSync(join(data, 'keys/notes.txt'), 'PIN of the stick: no')
    mkdirSync(join(data, 'keys/old'))
    symlinkSync('/nowhere', join(data, 'keys/link'))
    {
      await using server = await startWaxseal(plain(data))
      assert.equal(await server.stop(), 0)
    }
    writeFileSync(place, await inClear(join(`${data}.offline-keys`, 'root.key.json'), passphrase))
    chmodSync(place, 0o644)
    await assert.rejects(startWaxseal(plain(data)), (error: Error) => error.message.includes(`too: ${place}. Move`))
  })

  it('says where to put the offline keys of a new index when they cannot be put beside it, and makes nothing of it', async () => {
    await using folder = await scratch()
    writeFileSync(join(folder.path, 'file'), '')
    const data = join(folder.path, 'data')
    const run = await waxsealCommand(['serve', '--data', data, '--offline-keys', join(folder.path, 'file/keys')])
    assert.equal(run.code, 3)
    assert.match(
      run.stderr,
      /The offline keys of a new index cannot be put into .*file\/keys: .* Say where with --offline-keys/,
    )
    const inside = await waxsealCommand(['serve', '--data', data, '--offline-keys', join(data, 'offline')])
    assert.equal(inside.code, 2)
    assert.match(inside.stderr, /--offline-keys: stands inside the data folder/)
    // Said right, it is signed from its first start on.
    await using server = await startWaxseal({
      ...plain(data),
      args: ['--no-upstream', '--offline-keys', join(folder.path, 'stick')],
    })
    assert.deepEqual(readdirSync(join(folder.path, 'stick')), ['root.key.json', 'targets.key.json'])
    assert.match(server.log(), /^ {2}signed {5}yes/m)
  })

  it('refuses to start with a key that others may read, as config check warns', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    {
      await using server = await startWaxseal(plain(data))
      assert.equal(await server.stop(), 0)
    }
    const key = join(data, 'keys/timestamp.pem')
    chmodSync(key, 0o644)
    const sentence = `The key file ${key} may be read by others (mode 644). Run: chmod 600 ${key}`
    const checked = documentOf(await waxsealCommand(['config', 'check', '--data', data, '--json']))
    assert.deepEqual(checked['warnings'], [`signing.timestamp: the server cannot sign with this key. ${sentence}`])
    await assert.rejects(startWaxseal(plain(data)), (error: Error) => error.message.includes(sentence))
    chmodSync(key, 0o600)
    await using server = await startWaxseal(plain(data))
    const asked = await fetch(`${server.url}/api/v1/status`, { headers: { authorization: `Bearer ${server.token}` } })
    const status = (await asked.json()) as { signing: { snapshot: number; roles: { role: string }[] } }
    assert.deepEqual([status.signing.snapshot, status.signing.roles[0]?.role], [1, 'timestamp'])
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    assert.match(metrics, /^waxseal_degraded\{check="signing"\} 0$/m)
    assert.match(metrics, /^waxseal_role_alarm\{role="root"\} 0$/m)
    assert.match(metrics, /^waxseal_role_expiry_timestamp_seconds\{role="timestamp"\} \d{10}/m)
  })
})

/** The PEM of an encrypted key file. */
async function inClear(path: string, passphrase: string): Promise<string> {
  const key = await decryptKey(readEncryptedKey(await readFile(path)), passphrase)
  return key.export({ type: 'pkcs8', format: 'pem' })
}
