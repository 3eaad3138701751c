import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { TrustError } from '../error.ts'
import type { TrustErrorCode } from '../error.ts'
import { isSignedBy } from '../public-key.ts'
import { openPkcs11Signer } from './pkcs11-signer.ts'
import type { Pkcs11Config } from './pkcs11-signer.ts'
import { Pkcs11Tokens } from './pkcs11-tokens.ts'
import { SecretEnvironment } from './secret-source.ts'

const MODULE = '/usr/lib/softhsm/libsofthsm2.so'
const PIN = '73912846'
const here = spawnSync('pkcs11-tool', ['--version']).error === undefined && existsSync(MODULE)
// On CI the tools must be there: the tests fail without them.
const skip =
  here || process.env['CI'] !== undefined ? false : 'no SoftHSM and pkcs11-tool: apt-get install softhsm2 opensc'
const KEYS = [
  ['01', 'EC:edwards25519', 'ed25519'],
  ['02', 'EC:prime256v1', 'ecdsa-sha2-nistp256'],
  ['03', 'rsa:2048', 'rsassa-pss-sha256'],
] as const

interface Token {
  readonly folder: string
  readonly config: Pkcs11Config
  readonly env: SecretEnvironment
  readonly tokens: Pkcs11Tokens
  /** Runs pkcs11-tool with the user's PIN. */
  tool(...args: string[]): void
}

/** A token of SoftHSM with one key of each kind, all with the same label, as `pkcs11-tool` writes them. */
async function softToken(t: TestContext): Promise<Token> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-hsm-'))
  t.after(() => rm(folder, { recursive: true }))
  const settings = join(folder, 'softhsm2.conf')
  await mkdir(join(folder, 'tokens'))
  await writeFile(settings, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`)
  const variables = { PATH: process.env['PATH'], SOFTHSM2_CONF: settings, TEST_PIN: PIN }
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'waxseal', '--pin', PIN, '--so-pin', '5678'], {
    env: variables,
  })
  const tool = (...args: string[]): void => {
    const common = ['--module', MODULE, '--token-label', 'waxseal', '--login', '--pin', 'env:TEST_PIN']
    execFileSync('pkcs11-tool', [...common, ...args], { env: variables, stdio: 'pipe' })
  }
  const pin = join(folder, 'pin')
  await writeFile(pin, `${PIN}\n`, { mode: 0o600 })
  return {
    folder,
    config: { module: MODULE, token: 'waxseal', id: '01', pin: { kind: 'file', path: pin } },
    env: new SecretEnvironment({ PATH: process.env['PATH'], SOFTHSM2_CONF: settings }),
    tokens: new Pkcs11Tokens(),
    tool,
  }
}

/** `pkcs11-tool` with a diary of how it was called, one line each. */
async function withDiary(
  token: Token,
): Promise<{ readonly tool: string; readonly calls: () => Promise<readonly string[]> }> {
  const tool = join(token.folder, 'diary-tool')
  const diary = join(token.folder, 'diary')
  await writeFile(tool, `#!/bin/sh\nprintf '%s ' "$@" >>'${diary}'\necho >>'${diary}'\nexec pkcs11-tool "$@"\n`)
  await chmod(tool, 0o755)
  return { tool, calls: async () => (await readFile(diary, 'utf8')).trimEnd().split('\n') }
}

function refused(code: TrustErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TrustError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    assert.ok(!inspect(error).includes(PIN))
    return true
  }
}

suite('a key in a token of SoftHSM', { skip }, () => {
  test('signs with each kind of key, and never shows the PIN', async (t) => {
    const token = await softToken(t)
    const { tool, calls } = await withDiary(token)
    for (const [id, type, scheme] of KEYS) {
      token.tool('--keypairgen', '--key-type', type, '--id', id, '--label', 'waxseal')
      const signer = await openPkcs11Signer({ ...token.config, id, tool }, token.env, token.tokens)
      assert.equal(signer.key.scheme, scheme)
      // A timestamp has half a kilobyte.
      const bytes = Buffer.alloc(1024, 'x')
      assert.ok(isSignedBy(signer.key, bytes, await signer.sign(bytes)))
      assert.ok(![inspect(signer, { depth: 9, showHidden: true }), JSON.stringify(signer)].join('').includes(PIN))
    }
    const made = await calls()
    assert.equal(made.length, 2 * KEYS.length)
    for (const call of made) assert.ok(call.includes('--pin env:') && !call.includes(PIN))
  })

  test('signs much at once with P-256 and RSA; with Ed25519 it says what to use instead', async (t) => {
    const token = await softToken(t)
    const bytes = Buffer.alloc(1_000_000, 'x')
    for (const [id, type] of KEYS) token.tool('--keypairgen', '--key-type', type, '--id', id, '--label', 'waxseal')
    for (const id of ['02', '03']) {
      const signer = await openPkcs11Signer({ ...token.config, id }, token.env, token.tokens)
      const signatures = await Promise.all([bytes, bytes.subarray(1)].map((part) => signer.sign(part)))
      assert.deepEqual(
        signatures.map((signature, at) => isSignedBy(signer.key, bytes.subarray(at), signature)),
        [true, true],
      )
    }
    const signer = await openPkcs11Signer(token.config, token.env, token.tokens)
    await assert.rejects(signer.sign(bytes.subarray(0, 1025)), refused('signer-failed', /1,024 bytes.*P-256/))
  })

  test('takes the PIN from a variable, which is gone then', async (t) => {
    const token = await softToken(t)
    token.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01')
    const variables: Record<string, string | undefined> = { ...token.env.rest, WAXSEAL_PIN: PIN }
    const env = new SecretEnvironment(variables)
    const signer = await openPkcs11Signer(
      { ...token.config, pin: { kind: 'env', variable: 'WAXSEAL_PIN' } },
      env,
      token.tokens,
    )
    assert.ok(isSignedBy(signer.key, Buffer.from('x'), await signer.sign(Buffer.from('x'))))
    assert.equal(variables['WAXSEAL_PIN'], undefined)
  })

  test('sends a refused PIN once, for all keys of the token: the third try would lock a card', async (t) => {
    const token = await softToken(t)
    for (const id of ['01', '02']) token.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--id', id)
    const { tool, calls } = await withDiary(token)
    const one = await openPkcs11Signer({ ...token.config, tool }, token.env, token.tokens)
    const two = await openPkcs11Signer({ ...token.config, tool, id: '02' }, token.env, token.tokens)
    token.tool('--change-pin', '--new-pin', '1111111')
    const tries = [one, two, one, two].map((signer) =>
      assert.rejects(signer.sign(Buffer.from('x')), refused('signer-failed', /PIN is wrong, and is not tried again/)),
    )
    await Promise.all(tries)
    assert.equal((await calls()).length, 3)
    const again = openPkcs11Signer(token.config, token.env, new Pkcs11Tokens())
    await assert.rejects(again, refused('signer-failed', /PIN is wrong/))
  })

  test('is not waited for without end, and does not hold up the next use', async (t) => {
    const token = await softToken(t)
    token.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01')
    const hanging = join(token.folder, 'hanging')
    await writeFile(hanging, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 })
    const patient = new Pkcs11Tokens(4000)
    const first = openPkcs11Signer({ ...token.config, tool: hanging }, token.env, patient)
    const second = openPkcs11Signer(token.config, token.env, patient)
    await assert.rejects(first, refused('signer-failed', /no answer within 4 s.*waits for a touch/))
    assert.equal((await second).key.scheme, 'ecdsa-sha2-nistp256')
  })

  test('notices that the key was replaced in the token', async (t) => {
    const token = await softToken(t)
    const generate = ['--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01']
    token.tool(...generate)
    const signer = await openPkcs11Signer(token.config, token.env, token.tokens)
    for (const type of ['privkey', 'pubkey']) token.tool('--delete-object', '--type', type, '--id', '01')
    await assert.rejects(signer.sign(Buffer.from('x')), refused('signer-failed', /./))
    token.tool(...generate)
    await assert.rejects(
      signer.sign(Buffer.from('x')),
      refused('signer-failed', /see whether the key there was replaced/),
    )
  })

  test('says what is wrong and what to do', async (t) => {
    const token = await softToken(t)
    token.tool('--keypairgen', '--key-type', 'rsa:1024', '--id', '04')
    const endless = join(token.folder, 'endless')
    await writeFile(endless, '#!/bin/sh\nexec yes\n', { mode: 0o755 })
    const cases: readonly (readonly [Partial<Pkcs11Config>, TrustErrorCode, RegExp])[] = [
      [{ token: 'other' }, 'signer-failed', /no such token: plug it in/],
      [{ id: '07' }, 'signer-failed', /no such key: compare its id/],
      [{ module: '/usr/lib/none.so' }, 'signer-failed', /module cannot be loaded: check its path/],
      [{ tool: '/usr/bin/none' }, 'signer-failed', /install OpenSC/],
      [{ id: '04' }, 'key-invalid', /has to be Ed25519, ECDSA on P-256, or RSA/],
      [{ pin: { kind: 'file', path: '/none' } }, 'signer-failed', /PIN's file \/none cannot be read/],
      [{ tool: endless }, 'signer-failed', /an endless one/],
    ]
    for (const [change, code, pattern] of cases) {
      await assert.rejects(
        openPkcs11Signer({ ...token.config, ...change }, token.env, token.tokens),
        refused(code, pattern),
      )
    }
  })
})
