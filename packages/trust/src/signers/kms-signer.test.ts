import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { ServiceKey, keyService, temporaryFolder } from '../../test/support/key-service.ts'
import type { Answer, Arrived, KeyService } from '../../test/support/key-service.ts'
import { refusalOf } from '../../test/support/verify-sigv4.ts'
import { TrustError } from '../error.ts'
import type { TrustErrorCode } from '../error.ts'
import { KEY_SCHEMES, isSignedBy } from '../public-key.ts'
import type { KeyScheme } from '../public-key.ts'
import { kmsEndpoint, openKmsSigner } from './kms-signer.ts'
import type { KmsConfig } from './kms-signer.ts'
import { SecretEnvironment } from './secret-source.ts'

const REGION = 'eu-central-1'
const NOW = new Date('2026-11-26T12:00:00Z')
const SECRET = 'wJalrXUtnFEMI/K7MDENG+secret-of-the-test'
const SESSION = 'IQoJb3JpZ2luX2VjE-session-of-the-test='
const VARIABLES = { AWS_ACCESS_KEY_ID: 'AKIDTEST', AWS_SECRET_ACCESS_KEY: SECRET }
const QUICK = { timeoutMs: 500, attempts: 3, backoffMs: 1 }
const BYTES = Buffer.alloc(100_000, 'x')
const ALGORITHMS = new Map([
  ['ed25519', 'ED25519_SHA_512'],
  ['ec', 'ECDSA_SHA_256'],
  ['rsa', 'RSASSA_PSS_SHA_256'],
])
const ARN = `arn:aws:kms:${REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`

/** KMS as its API reference has it: checks signatures of requests, and signs with real keys. */
class Kms {
  readonly keys = new Map<string, ServiceKey>()
  readonly aliases = new Map<string, string>()
  readonly queue: Answer[] = []
  credentials: { id: string; secret: string; token?: string } = { id: 'AKIDTEST', secret: SECRET }
  spoil = (signature: string): string => signature

  answer(request: Arrived): Answer {
    const next = this.queue.shift()
    if (next !== undefined) return next
    const refusal = refusalOf(request, this.credentials, { region: REGION, service: 'kms', now: NOW })
    if (refusal !== undefined) return error(refusal)
    if (request.method !== 'POST' || request.headers['content-type'] !== 'application/x-amz-json-1.1')
      return error('SerializationException')
    const asked = JSON.parse(request.body.toString()) as Record<string, string>
    const arn = this.aliases.get(asked['KeyId'] ?? '') ?? asked['KeyId'] ?? ''
    const key = this.keys.get(arn)
    if (key === undefined) return error('NotFoundException', `Key '${arn}' does not exist`)
    switch (request.headers['x-amz-target']) {
      case 'TrentService.GetPublicKey': {
        const spki = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
        return { status: 200, document: { KeyId: arn, PublicKey: spki, KeyUsage: 'SIGN_VERIFY' } }
      }
      case 'TrentService.Sign':
        return this.#sign(arn, key, asked)
      default:
        return error('UnknownOperationException')
    }
  }

  #sign(arn: string, key: ServiceKey, asked: Record<string, string>): Answer {
    const message = Buffer.from(asked['Message'] ?? '', 'base64')
    const { SigningAlgorithm, MessageType } = asked
    if (message.length > 4096) return error('ValidationException', 'Member must have length less than or equal to 4096')
    const type = key.publicKey.asymmetricKeyType ?? ''
    const algorithm = ALGORITHMS.get(type)
    if (SigningAlgorithm !== algorithm) return error('InvalidKeyUsageException')
    if (MessageType === 'DIGEST' && message.length !== 32)
      return error('ValidationException', 'Digest is invalid length')
    if (MessageType !== (type === 'ed25519' ? 'RAW' : 'DIGEST')) return error('ValidationException')
    const signature = type === 'ed25519' ? key.signMessage(message) : key.signDigest(message)
    return {
      status: 200,
      document: { KeyId: arn, Signature: this.spoil(signature.toString('base64')), SigningAlgorithm },
    }
  }
}

function error(type: string, message = ''): Answer {
  return { status: 400, document: { __type: `com.amazonaws.kms#${type}`, message } }
}

interface Setting {
  readonly kms: Kms
  readonly service: KeyService
  readonly config: KmsConfig
}

async function setting(t: TestContext, scheme: KeyScheme = 'ecdsa-sha2-nistp256', tls = false): Promise<Setting> {
  const kms = new Kms()
  const service = await keyService(t, (request) => kms.answer(request), tls)
  kms.keys.set(ARN, await ServiceKey.generate(t, scheme))
  return { kms, service, config: { keyId: ARN, region: REGION, endpoint: service.url } }
}

const ENV = new SecretEnvironment(VARIABLES)
const now = (): Date => NOW

function refused(code: TrustErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TrustError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    for (const secret of [SECRET, SESSION]) assert.ok(!inspect(error, { depth: 9 }).includes(secret))
    return true
  }
}

suite('a key in AWS KMS', () => {
  for (const scheme of KEY_SCHEMES) {
    test(`signs with ${scheme}`, async (t) => {
      const { service, config } = await setting(t, scheme)
      const signer = await openKmsSigner(config, ENV, now, QUICK)
      assert.equal(signer.key.scheme, scheme)
      const bytes = scheme === 'ed25519' ? BYTES.subarray(0, 4096) : BYTES
      assert.ok(isSignedBy(signer.key, bytes, await signer.sign(bytes)))
      assert.equal(service.arrived.length, 2)
      const shown = [inspect(signer, { depth: 9, showHidden: true }), JSON.stringify(signer)].join('')
      assert.ok(!shown.includes(SECRET))
    })
  }

  test('signs no more than 4,096 bytes with Ed25519, which KMS takes only whole, and says what to use', async (t) => {
    const { service, config } = await setting(t, 'ed25519')
    const signer = await openKmsSigner(config, ENV, now, QUICK)
    await assert.rejects(signer.sign(BYTES.subarray(0, 4097)), refused('signer-failed', /4096 bytes.*ECC_NIST_P256/))
    assert.equal(service.arrived.length, 1)
  })

  test('stays the same when its alias is pointed elsewhere', async (t) => {
    const { kms, config } = await setting(t)
    kms.aliases.set('alias/online', ARN)
    const signer = await openKmsSigner({ ...config, keyId: 'alias/online' }, ENV, now, QUICK)
    kms.keys.set('other', await ServiceKey.generate(t, 'ecdsa-sha2-nistp256'))
    kms.aliases.set('alias/online', 'other')
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
  })

  test('is reached over TLS with the authority that was named', async (t) => {
    const { service, config } = await setting(t, 'ecdsa-sha2-nistp256', true)
    const signer = await openKmsSigner({ ...config, caFile: service.caFile }, ENV, now, QUICK)
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
    await assert.rejects(openKmsSigner(config, ENV, now, QUICK), refused('signer-failed', /which authority signed/))
  })

  test('without an endpoint it is asked for in its region', () => {
    assert.equal(kmsEndpoint(REGION), 'https://kms.eu-central-1.amazonaws.com')
    assert.equal(kmsEndpoint('cn-north-1'), 'https://kms.cn-north-1.amazonaws.com.cn')
  })
})

suite('credentials of AWS', () => {
  test('come from the environment, temporary ones too', async (t) => {
    const { kms, config } = await setting(t)
    kms.credentials = { ...kms.credentials, token: SESSION }
    const signer = await openKmsSigner(
      config,
      new SecretEnvironment({ ...VARIABLES, AWS_SESSION_TOKEN: SESSION }),
      now,
      QUICK,
    )
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
    await assert.rejects(
      openKmsSigner(config, ENV, now, QUICK),
      refused('signer-failed', /ExpiredTokenException\): renew the credentials/),
    )
  })

  test('come from a profile of the shared file, as it is now', async (t) => {
    const { kms, config } = await setting(t)
    const file = join(await temporaryFolder(t), 'credentials')
    const env = new SecretEnvironment({ AWS_SHARED_CREDENTIALS_FILE: file })
    const write = async (secret: string): Promise<void> =>
      writeFile(
        file,
        `# all of ours\n[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\n\n[default]\r\naws_access_key_id=AKIDTEST\r\naws_secret_access_key = ${secret}\r\n; the rest\naws_session_token = ${SESSION}\n`,
      )
    kms.credentials = { ...kms.credentials, token: SESSION }
    await write(SECRET)
    const signer = await openKmsSigner(config, env, now, QUICK)
    kms.credentials = { ...kms.credentials, secret: 'renewed/secret' }
    await assert.rejects(
      signer.sign(BYTES),
      refused('signer-failed', /InvalidSignatureException\): compare the secret access key, and the clock/),
    )
    await write('renewed/secret')
    assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
    kms.credentials = { id: 'AKIDOTHER', secret: 'x' }
    for (const [profile, variables] of [
      ['other', VARIABLES],
      [undefined, { AWS_PROFILE: 'other' }],
    ] as const) {
      const chosen = new SecretEnvironment({ ...variables, AWS_SHARED_CREDENTIALS_FILE: file })
      await openKmsSigner({ ...config, profile }, chosen, now, QUICK)
    }
    await assert.rejects(
      openKmsSigner({ ...config, profile: 'none' }, env, now, QUICK),
      refused('signer-failed', /no AWS credentials for the profile none/),
    )
  })

  test('that are nowhere are told with the file that should have them', async (t) => {
    const { service, config } = await setting(t)
    const env = new SecretEnvironment({ HOME: '/none' })
    await assert.rejects(
      openKmsSigner(config, env, now, QUICK),
      refused('signer-failed', /\/none\/\.aws\/credentials cannot be read \(ENOENT\)/),
    )
    assert.deepEqual(service.arrived, [])
  })
})

suite('a request to AWS KMS', () => {
  test('is signed with the time of the clock, each try anew, and refused when that is wrong', async (t) => {
    const { kms, service, config } = await setting(t)
    let minutes = 0
    const clock = (): Date => new Date(NOW.getTime() + minutes * 60_000)
    const signer = await openKmsSigner(config, ENV, clock, QUICK)
    minutes = 16
    await assert.rejects(signer.sign(BYTES), refused('signer-failed', /the clock of this machine/))
    minutes = 0
    const ticking = (): Date => new Date(NOW.getTime() + (minutes += 1) * 60_000)
    const other = await openKmsSigner(config, ENV, ticking, QUICK)
    const busy = error('ThrottlingException', 'Rate exceeded')
    kms.queue.push(busy, busy)
    const before = service.arrived.length
    assert.ok(isSignedBy(other.key, BYTES, await other.sign(BYTES)))
    const dates = service.arrived.slice(before).map(({ headers }) => headers['x-amz-date'])
    assert.deepEqual(dates, ['20261126T120200Z', '20261126T120300Z', '20261126T120400Z'])
  })

  test('is sent again while KMS throttles, fails or does not answer, and given up with what it said', async (t) => {
    const { kms, service, config } = await setting(t)
    const signer = await openKmsSigner(config, ENV, now, QUICK)
    const cases: readonly (readonly [Answer, RegExp])[] = [
      [
        error('ThrottlingException', 'Rate exceeded'),
        /ThrottlingException\): wait until it works again, and try again\. It said: Rate exceeded/,
      ],
      [{ status: 500, document: { __type: 'KMSInternalException' } }, /KMSInternalException\): wait/],
      [{ status: 503, text: 'Service Unavailable' }, /\(503\): wait/],
      ['cut', /cannot be reached \(ECONNRESET\)/],
    ]
    for (const [answer, pattern] of cases) {
      kms.queue.push(answer, answer)
      assert.ok(isSignedBy(signer.key, BYTES, await signer.sign(BYTES)))
      kms.queue.push(answer, answer, answer)
      const before = service.arrived.length
      await assert.rejects(signer.sign(BYTES), refused('signer-failed', pattern))
      assert.equal(service.arrived.length, before + 3)
    }
  })

  test('that is refused is not sent again, and says what to do', async (t) => {
    const { kms, service, config } = await setting(t)
    const signer = await openKmsSigner(config, ENV, now, QUICK)
    const cases: readonly (readonly [Answer, RegExp])[] = [
      [
        error('AccessDeniedException', `not authorized ${SECRET}`),
        /allow kms:GetPublicKey and kms:Sign.* It said: not authorized \*\*\*$/,
      ],
      [
        { status: 400, document: { __type: 'DisabledException', message: 'is disabled' } },
        /\(DisabledException\): enable it/,
      ],
      [error('SomethingNew'), /\(SomethingNew\): look the name of the error up/],
      [{ status: 200, text: '<h1>Welcome</h1>' }, /what answers there is not KMS/],
      [{ status: 200, document: { Signature: '*' } }, /answered without a signature/],
      ['endless', /answers without end/],
    ]
    for (const [answer, pattern] of cases) {
      kms.queue.push(answer)
      const before = service.arrived.length
      await assert.rejects(signer.sign(BYTES), refused('signer-failed', pattern))
      assert.equal(service.arrived.length, before + 1)
    }
    await assert.rejects(
      openKmsSigner({ ...config, keyId: 'alias/none' }, ENV, now, QUICK),
      refused('signer-failed', /compare its id, and the region/),
    )
    await assert.rejects(
      openKmsSigner({ ...config, region: 'us-east-1' }, ENV, now, QUICK),
      refused('signer-failed', /InvalidSignatureException/),
    )
  })

  test('that brings a signature of another key is noticed', async (t) => {
    const { kms, config } = await setting(t)
    const signer = await openKmsSigner(config, ENV, now, QUICK)
    kms.keys.set(ARN, await ServiceKey.generate(t, 'ecdsa-sha2-nistp256'))
    await assert.rejects(signer.sign(BYTES), refused('signer-failed', /not one of the key .* was replaced/))
  })

  test('that brings no key, or one that TUF has no use for, is told', async (t) => {
    const { kms, config } = await setting(t)
    for (const document of [{ KeyId: ARN }, { KeyId: ARN, PublicKey: 'AAAA' }]) {
      kms.queue.push({ status: 200, document })
      await assert.rejects(openKmsSigner(config, ENV, now, QUICK), refused('key-invalid', /has to be ECC_NIST_P256/))
    }
  })
})
