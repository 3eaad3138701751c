import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openKeyFile } from '../../packages/trust/src/signers/key-file.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-shown-once-'))
/** Started with a full disk behind its standard output. */
const INTO_FULL = { through: ['sh', '-c', 'exec "$0" "$@" >/dev/full'] }
const GENERATED = /^ {2}((?:[\da-z]{4}-){6}[\da-z]{4})$/m
const skip = existsSync('/dev/full') ? false : 'this system has no /dev/full'

describe('a passphrase that is shown this once and cannot be shown', { skip }, () => {
  it('signs nothing for serve, leaves no keys behind, and is another one at the next start', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const refused = await waxsealCommand(
      ['serve', '--data', data, '--listen', '127.0.0.1:0', '--no-upstream'],
      INTO_FULL,
    )
    assert.equal(refused.code, 3, refused.stderr)
    assert.match(refused.stderr, /shown this once, and could not be shown \(ENOSPC\): nothing was signed/)
    assert.deepEqual(readdirSync(`${data}.offline-keys`), [])
    await using server = await startWaxseal({
      dataDir: data,
      args: ['--no-upstream'],
      env: { WAXSEAL_OFFLINE_KEYS: '' },
    })
    const passphrase = GENERATED.exec(server.log())?.[1] ?? ''
    await openKeyFile(join(`${data}.offline-keys`, 'root.key.json'), () => passphrase)
    assert.equal((await fetch(`${server.url}/tuf/1.root.json`)).status, 200)
  })

  it('signs nothing for init, which is then begun again, token and all', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const init = ['init', '--yes', '--data', data, '--no-upstream']
    const refused = await waxsealCommand(init, INTO_FULL)
    assert.equal(refused.code, 3, refused.stderr)
    assert.match(refused.stderr, /could not be shown \(ENOSPC\): nothing was signed/)
    const again = await waxsealCommand(init)
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, GENERATED)
    assert.match(again.stdout, /Admin token, shown this once:\n {2}\S+/)
    await using server = await startWaxseal({
      dataDir: data,
      args: ['--no-upstream'],
      env: { WAXSEAL_OFFLINE_KEYS: '' },
    })
    assert.equal((await fetch(`${server.url}/tuf/1.root.json`)).status, 200)
  })

  it('keeps an init unfinished whose token nobody saw: begun again, it shows one that works', async () => {
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const passphrase = join(folder.path, 'passphrase')
    writeFileSync(passphrase, 'seven quiet herons\n')
    const init = ['init', '--yes', '--data', data, '--no-upstream', '--passphrase-file', passphrase]
    // With --json the keys are told of on standard error: what is lost is the token alone.
    const refused = await waxsealCommand([...init, '--json'], INTO_FULL)
    assert.equal(refused.code, 3, refused.stderr)
    const again = await waxsealCommand([...init, '--json'])
    assert.equal(again.code, 0, again.stderr)
    const { token } = documentOf(again) as { token: string }
    await using server = await startWaxseal({
      dataDir: data,
      args: ['--no-upstream'],
      env: { WAXSEAL_ADMIN_TOKEN: '' },
    })
    const asked = await fetch(`${server.url}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(asked.status, 200)
  })
})
