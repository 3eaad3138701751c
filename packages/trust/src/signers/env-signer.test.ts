import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { TrustError } from '../error.ts'
import { generatePrivateKey, keySigner } from '../key-signer.ts'
import { isSignedBy } from '../public-key.ts'
import { envSigner } from './env-signer.ts'
import { SecretEnvironment } from './secret-source.ts'

const NAME = 'WAXSEAL_KEY_TIMESTAMP'
const BYTES = Buffer.from('what is signed')

test('a key in a variable signs, as PEM or as its base64, and the variable is gone', async () => {
  const privateKey = generatePrivateKey()
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  for (const value of [pem, Buffer.from(pem).toString('base64')]) {
    const variables: Record<string, string | undefined> = { [NAME]: value, PATH: '/bin' }
    const env = new SecretEnvironment(variables)
    const signer = envSigner(NAME, env)
    assert.ok(isSignedBy(keySigner(privateKey).key, BYTES, await signer.sign(BYTES)))
    assert.deepEqual(variables, { PATH: '/bin' })
    assert.deepEqual(env.rest, { PATH: '/bin' })
    assert.equal(envSigner(NAME, env).key.keyid, signer.key.keyid)
  }
})

test('process.env itself loses it', () => {
  process.env[NAME] = generatePrivateKey().export({ type: 'pkcs8', format: 'pem' })
  envSigner(NAME, new SecretEnvironment(process.env))
  assert.equal(process.env[NAME], undefined)
})

test('what is no key is refused by its variable’s name, without a word of its value, and taken out as well', () => {
  for (const value of ['hunter2hunter2', 'x'.repeat(200_000), '-----BEGIN hunter2-----']) {
    const variables: Record<string, string | undefined> = { [NAME]: value }
    const env = new SecretEnvironment(variables)
    assert.throws(
      () => envSigner(NAME, env),
      (error) => {
        assert.ok(error instanceof TrustError)
        assert.equal(error.code, 'key-invalid')
        assert.match(error.message, new RegExp(NAME))
        assert.ok(!inspect(error).includes(value.slice(0, 14)))
        return true
      },
    )
    assert.deepEqual(variables, {})
    assert.ok(!inspect(env, { showHidden: true, depth: 9 }).includes(value.slice(0, 14)))
  }
  assert.throws(
    () => envSigner(NAME, new SecretEnvironment({ [NAME]: '' })),
    (error) => error instanceof TrustError && error.code === 'signer-failed' && error.message.includes('is not set'),
  )
})
