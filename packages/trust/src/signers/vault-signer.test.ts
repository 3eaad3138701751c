import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { ServiceKey, keyService, temporaryFolder } from '../../test/support/key-service.ts'
import type { Answer, KeyService } from '../../test/support/key-service.ts'
import { Transit } from '../../test/support/transit.ts'
import { TrustError } from '../error.ts'
import type { TrustErrorCode } from '../error.ts'
import { KEY_SCHEMES, isSignedBy } from '../public-key.ts'
import { SecretEnvironment } from './secret-source.ts'
import { openVaultSigner } from './vault-signer.ts'
import type { VaultConfig } from './vault-signer.ts'

const TOKEN = 'hvs.CAESIJ-secret-of-the-test'
const NAMESPACE = 'team/packages'
const QUICK = { timeoutMs: 500, attempts: 3, backoffMs: 1 }
const BYTES = Buffer.alloc(100_000, 'x')
interface Setting {
  readonly transit: Transit
  readonly service: KeyService
  readonly config: VaultConfig
  readonly tokenFile: string
}

async function setting(t: TestContext, tls = false): Promise<Setting> {
  const transit = new Transit({ token: TOKEN, namespace: NAMESPACE, mount: 'engine/sub', name: 'online' })
  const service = await keyService(t, (request) => transit.answer(request), tls)
  const tokenFile = join(await temporaryFolder(t), 'token')
  await writeFile(tokenFile, `${TOKEN}\n`)
  const config: VaultConfig = {
    address: service.url,
    mount: 'engine/sub',
    name: 'online',
    version: 1,
    token: { kind: 'file', path: tokenFile },
    namespace: NAMESPACE,
  }
  return { transit, service, config, tokenFile }
}

const ENV = new SecretEnvironment({})

function refused(code: TrustErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TrustError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    assert.ok(!inspect(error, { depth: 9 }).includes(TOKEN), inspect(error, { depth: 9 }))
    return true
  }
}

suite('a key in Vault', () => {
  for (const scheme of KEY_SCHEMES) {
    test(`signs with ${scheme}, in one request each`, async (t) => {
      const { transit, service, config } = await setting(t)
      transit.versions.push(await ServiceKey.generate(t, scheme))
      const signer = await openVaultSigner(config, ENV, QUICK)
      assert.equal(signer.key.scheme, scheme)
      assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
      assert.equal(service.arrived.length, 2)
      const shown = [inspect(signer, { depth: 9, showHidden: true }), JSON.stringify(signer)].join('')
      assert.ok(!shown.includes(TOKEN))
    })
  }

  test('stays with the version it was given when the key is rotated', async (t) => {
    const { transit, config } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const signer = await openVaultSigner(config, ENV, QUICK)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
    const second = await openVaultSigner({ ...config, version: 2 }, ENV, QUICK)
    assert.notEqual(second.key.keyid, signer.key.keyid)
    assert.ok(isSignedBy(second.key, BYTES, await second.sign(BYTES)))
    await assert.rejects(
      openVaultSigner({ ...config, version: 3 }, ENV, QUICK),
      refused('signer-failed', /no version 3/),
    )
  })

  test('is signed with under the token that the file has now, or the one that a variable had', async (t) => {
    const { transit, config, tokenFile } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const variables: Record<string, string | undefined> = { VAULT_TOKEN: TOKEN }
    const env = new SecretEnvironment(variables)
    const taken = await openVaultSigner({ ...config, token: { kind: 'env', variable: 'VAULT_TOKEN' } }, env, QUICK)
    await taken.sign(BYTES)
    assert.deepEqual(variables, {})
    const signer = await openVaultSigner(config, ENV, QUICK)
    transit.token = 'hvs.renewed'
    await assert.rejects(
      signer.sign(BYTES),
      refused('signer-failed', /403.*renew the token.*engine\/sub\/sign\/online/),
    )
    await writeFile(tokenFile, 'hvs.renewed')
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
  })

  test('is reached over TLS with the authority that was named, and with no other', async (t) => {
    const { transit, service, config } = await setting(t, true)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const signer = await openVaultSigner({ ...config, caFile: service.caFile }, ENV, QUICK)
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
    const before = service.arrived.length
    await assert.rejects(
      openVaultSigner(config, ENV, QUICK),
      refused('signer-failed', /say which authority signed its certificate/),
    )
    assert.equal(service.arrived.length, before)
  })
})

suite('Vault that does not answer as it should', () => {
  test('is asked again while it is busy, sealed or cuts the connection, and then it signs', async (t) => {
    const { transit, service, config } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const signer = await openVaultSigner(config, ENV, QUICK)
    for (const passing of [
      { status: 503, document: { errors: ['Vault is sealed'] } },
      { status: 429, document: { errors: ['request path: rate limit quota exceeded'] } },
      { status: 500, text: '<h1>oops</h1>' },
      'cut',
      'hang',
    ] satisfies Answer[]) {
      transit.queue.push(passing, passing)
      const before = service.arrived.length
      assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
      assert.equal(service.arrived.length, before + 3)
    }
  })

  test('is given up after as many tries as there are, with what it said', async (t) => {
    const { transit, service, config } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const signer = await openVaultSigner(config, ENV, QUICK)
    const cases: readonly (readonly [Answer, RegExp])[] = [
      [{ status: 503, document: { errors: ['Vault is sealed'] } }, /503\): unseal it\. It said: Vault is sealed/],
      ['cut', /cannot be reached \(ECONNRESET\): see whether it runs/],
      ['hang', /cannot be reached \(no answer in time\)/],
    ]
    for (const [answer, pattern] of cases) {
      transit.queue.push(answer, answer, answer)
      const before = service.arrived.length
      await assert.rejects(signer.sign(BYTES), refused('signer-failed', pattern))
      assert.equal(service.arrived.length, before + 3)
    }
  })

  test('is not asked again after a clear answer', async (t) => {
    const { transit, service, config } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
    const signer = await openVaultSigner(config, ENV, QUICK)
    const elsewhere = await keyService(t, () => ({ status: 200, document: {} }))
    const cases: readonly (readonly [Answer, RegExp])[] = [
      [
        { status: 400, document: { errors: ['cannot sign with this version'] } },
        /min_encryption_version\. It said: cannot sign/,
      ],
      [{ status: 404, document: { errors: [] } }, /mounted at engine\/sub/],
      [{ status: 307, document: {}, headers: { location: elsewhere.url } }, /points elsewhere, which is not followed/],
      [{ status: 200, text: '<h1>Welcome</h1>' }, /what answers there is not Vault/],
      [{ status: 200, document: { data: { signature: 'vault:v1:*' } } }, /answered without a signature/],
      ['endless', /answers without end/],
    ]
    for (const [answer, pattern] of cases) {
      transit.queue.push(answer)
      const before = service.arrived.length
      await assert.rejects(signer.sign(BYTES), refused('signer-failed', pattern))
      assert.equal(service.arrived.length, before + 1)
    }
    assert.deepEqual(elsewhere.arrived, [])
  })

  test('and repeats the token is not quoted with it', async (t) => {
    const { transit, config } = await setting(t)
    transit.queue.push({ status: 403, document: { errors: [`no such token: ${TOKEN}`, 'x'.repeat(1000)] } })
    await assert.rejects(
      openVaultSigner(config, ENV, QUICK),
      refused('signer-failed', /It said: no such token: \*\*\*; x{50,200}…$/),
    )
  })

  test('or signs with another key, another padding or other bytes is noticed', async (t) => {
    const { transit, config } = await setting(t)
    transit.versions.push(await ServiceKey.generate(t, 'rsassa-pss-sha256'))
    const signer = await openVaultSigner(config, ENV, QUICK)
    const pkcs1 = transit.versions[0]?.signOtherwise(BYTES).toString('base64') ?? ''
    transit.spoil = () => `vault:v1:${pkcs1}`
    await assert.rejects(signer.sign(BYTES), refused('signer-failed', /not one of the key/))
    transit.spoil = (text) => text
    transit.versions[0] = await ServiceKey.generate(t, 'rsassa-pss-sha256')
    await assert.rejects(signer.sign(BYTES), refused('signer-failed', /not one of the key .* was replaced/))
  })

  test('or holds a key that TUF has no use for is told', async (t) => {
    const { transit, config } = await setting(t)
    const key = await ServiceKey.generate(t, 'ed25519')
    for (const text of ['', 'AAAA', '-----BEGIN PUBLIC KEY-----']) {
      const document = { data: { keys: { '1': { public_key: text } } } }
      transit.queue.push({ status: 200, document })
      await assert.rejects(openVaultSigner(config, ENV, QUICK), refused('key-invalid', /type has to be ed25519/))
    }
    // A symmetric key: its versions are times.
    transit.queue.push({ status: 200, document: { data: { keys: { '1': 1_442_851_412 } } } })
    await assert.rejects(
      openVaultSigner(config, ENV, QUICK),
      refused('signer-failed', /no version 1 with a public key/),
    )
    transit.versions.push(key)
    await openVaultSigner(config, ENV, QUICK)
  })
})

test('no token goes over a network that everybody reads, or to an address with more than host and path', async (t) => {
  const { config } = await setting(t)
  for (const [address, pattern] of [
    ['http://vault.example:8200', /use https/],
    ['vault.example:8200', /no URL of the form https/],
    ['https://user:secret@vault.example', /holds more than host and path/],
    ['https://vault.example/?a=b', /holds more than host and path/],
  ] as const) {
    await assert.rejects(openVaultSigner({ ...config, address }, ENV, QUICK), refused('signer-failed', pattern))
  }
})

test('a token of two lines or of none is refused before anything is sent', async (t) => {
  const { service, config, tokenFile } = await setting(t)
  for (const text of ['', 'a\nb\n']) {
    await writeFile(tokenFile, text)
    await assert.rejects(openVaultSigner(config, ENV, QUICK), refused('signer-failed', /not one line of text/))
  }
  assert.deepEqual(service.arrived, [])
})
