import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { TrustError } from '../error.ts'
import { generatePrivateKey, keySigner } from '../key-signer.ts'
import { isSignedBy } from '../public-key.ts'
import { createKeyFile } from './key-file.ts'
import { openSigner } from './open-signer.ts'
import type { SignerContext } from './open-signer.ts'
import { Pkcs11Tokens } from './pkcs11-tokens.ts'
import { SecretEnvironment } from './secret-source.ts'
import { readSignerConfig } from './signer-config.ts'

const BYTES = Buffer.from('what is signed')
const PASSPHRASE = 'correct horse battery'
const CHEAP = { memory: 64, passes: 1, lanes: 1 }

function contextWith(variables: Record<string, string | undefined>): SignerContext {
  return { env: new SecretEnvironment(variables), tokens: new Pkcs11Tokens(), now: () => new Date() }
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-open-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test('an encrypted file is opened with the passphrase of a file, of a variable, or of a person who is asked', async (t) => {
  const folder = await folderOf(t)
  const path = join(folder, 'root.key')
  const privateKey = generatePrivateKey()
  const { key } = keySigner(privateKey)
  await createKeyFile(path, privateKey, PASSPHRASE, CHEAP)
  await writeFile(join(folder, 'passphrase'), `${PASSPHRASE}\n`)
  const asked: unknown[] = []
  const person: SignerContext = {
    ...contextWith({}),
    askPassphrase: async (path, { keyid }) => {
      asked.push([path, keyid])
      return Promise.resolve(PASSPHRASE)
    },
  }
  const cases = [
    [`file:${path}?passphrase-file=${join(folder, 'passphrase')}`, contextWith({})],
    [`file:${path}?passphrase-env=P`, contextWith({ P: PASSPHRASE })],
    [`file:${path}`, person],
  ] as const
  for (const [uri, context] of cases) {
    const signer = await openSigner(readSignerConfig(uri), context)
    assert.ok(isSignedBy(key, BYTES, await signer.sign(BYTES)))
  }
  assert.deepEqual(asked, [[path, key.keyid]])
})

test('a key in clear is opened without asking anybody, from a file or a variable', async (t) => {
  const path = join(await folderOf(t), 'online.pem')
  const privateKey = generatePrivateKey('ecdsa-sha2-nistp256')
  await createKeyFile(path, privateKey)
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  for (const uri of [`file:${path}`, 'env:WAXSEAL_KEY_SNAPSHOT']) {
    const signer = await openSigner(readSignerConfig(uri), contextWith({ WAXSEAL_KEY_SNAPSHOT: pem }))
    assert.ok(isSignedBy(keySigner(privateKey).key, BYTES, await signer.sign(BYTES)))
  }
})

test('every other kind is tried, and says by itself what is missing', async () => {
  const cases = [
    ['pkcs11:token=t;id=%01?module-path=/none.so&pin-env=PIN', /PIN is not set/],
    [
      'vault:transit/k?version=1&address=https://vault.invalid&token-file=/none',
      /Vault token's file \/none cannot be read/,
    ],
    ['awskms:alias/x?region=eu-central-1', /\/none\/\.aws\/credentials cannot be read/],
    ['env:NONE', /NONE is not set/],
    ['file:/none', /\/none cannot be read/],
  ] as const
  for (const [uri, pattern] of cases) {
    await assert.rejects(openSigner(readSignerConfig(uri), contextWith({ HOME: '/none' })), (error) => {
      assert.ok(error instanceof TrustError)
      assert.equal(error.code, 'signer-failed')
      assert.match(error.message, pattern)
      return true
    })
  }
})
