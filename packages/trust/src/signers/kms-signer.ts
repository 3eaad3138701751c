import { createHash, createPublicKey } from 'node:crypto'
import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { publicKeyOf } from '../public-key.ts'
import type { KeyScheme, PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { findAwsCredentials } from './aws-credentials.ts'
import { checkedSigner, excerpt } from './checked-signer.ts'
import { askService, readAuthorities, serviceAddress } from './https-request.ts'
import type { ServiceAnswer, ServicePatience } from './https-request.ts'
import type { SecretEnvironment } from './secret-source.ts'
import { base64Of, documentOf, textAt } from './service-document.ts'
import { signedHeaders } from './sigv4.ts'
import type { AwsCredentials } from './sigv4.ts'

/** An asymmetric key of AWS KMS that signs (`SIGN_VERIFY`). */
export interface KmsConfig {
  /** Its id, its ARN, or `alias/NAME`. */
  readonly keyId: string
  readonly region: string
  /** Instead of the region's own: a VPC endpoint, a FIPS endpoint. */
  readonly endpoint?: string | undefined
  /** A profile of the shared credentials file. */
  readonly profile?: string | undefined
  /** A PEM file of certificate authorities. */
  readonly caFile?: string | undefined
}

/** The longest message that KMS takes as a whole, in bytes. */
const MAX_RAW_MESSAGE = 4096
const ALGORITHMS: Readonly<Record<KeyScheme, string>> = {
  ed25519: 'ED25519_SHA_512',
  'ecdsa-sha2-nistp256': 'ECDSA_SHA_256',
  'rsassa-pss-sha256': 'RSASSA_PSS_SHA_256',
}
/** What KMS answers with status 400 and means as "later". */
const BUSY: ReadonlySet<string> = new Set(['ThrottlingException', 'LimitExceededException', 'RequestLimitExceeded'])

/**
 * A signer with a key in AWS KMS, which is asked for the public key now. An alias is followed once: whoever points it elsewhere
 * afterwards changes nothing before the next start. Requests are signed with the time of `now`.
 * @throws TrustError `signer-failed` with what to do; `key-invalid` for a key of another kind
 */
export async function openKmsSigner(
  config: KmsConfig,
  env: SecretEnvironment,
  now: () => Date,
  patience?: ServicePatience,
): Promise<Signer> {
  const url = serviceAddress(config.endpoint ?? kmsEndpoint(config.region), 'AWS KMS')
  const ca = await readAuthorities(config.caFile)

  async function ask(operation: string, document: Readonly<Record<string, string>>): Promise<JsonObject> {
    const body = Buffer.from(JSON.stringify(document))
    let credentials: AwsCredentials | undefined
    const answer = await askService(
      { name: 'AWS KMS', ca, isBusy: (answer) => BUSY.has(typeOf(answer)) },
      async () => {
        credentials = await findAwsCredentials(config.profile, env)
        const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` }
        const request = { method: 'POST' as const, url, headers, body }
        return {
          ...request,
          headers: signedHeaders(request, credentials, { region: config.region, service: 'kms', now: now() }),
        }
      },
      patience,
    )
    const found = documentOf(answer.body)
    if (answer.status === 200 && found !== undefined) return found
    throw failure(config, answer, credentials)
  }

  const described = await ask('GetPublicKey', { KeyId: config.keyId })
  const key = readKey(described, config)
  const keyId = textAt(described, 'KeyId') ?? config.keyId
  return checkedSigner(key, `The KMS key ${config.keyId}`, async (bytes) => {
    const signed = await ask('Sign', {
      KeyId: keyId,
      SigningAlgorithm: ALGORITHMS[key.scheme],
      ...toSign(key.scheme, bytes),
    })
    const signature = base64Of(textAt(signed, 'Signature'))
    if (signature !== undefined) return signature
    throw new TrustError(
      'signer-failed',
      'AWS KMS answered without a signature: see what really answers at its address.',
    )
  })
}

/** Ed25519 goes as a whole, and only so far; of the others the hash is enough, and any size will do. */
function toSign(scheme: KeyScheme, bytes: Uint8Array): { readonly Message: string; readonly MessageType: string } {
  if (scheme !== 'ed25519')
    return { Message: createHash('sha256').update(bytes).digest('base64'), MessageType: 'DIGEST' }
  if (bytes.length <= MAX_RAW_MESSAGE) return { Message: Buffer.from(bytes).toString('base64'), MessageType: 'RAW' }
  const message = `AWS KMS signs no more than ${MAX_RAW_MESSAGE} bytes with Ed25519, and these are ${bytes.length}: use a key of the type ECC_NIST_P256.`
  throw new TrustError('signer-failed', message)
}

function readKey(document: JsonObject, { keyId }: KmsConfig): PublicKey {
  try {
    const spki = Buffer.from(base64Of(textAt(document, 'PublicKey')) ?? [])
    return publicKeyOf(createPublicKey({ key: spki, format: 'der', type: 'spki' }))
  } catch (cause) {
    const message = `The KMS key ${keyId} cannot be used: its type has to be ECC_NIST_P256, RSA_2048 and more, or ECC_NIST_EDWARDS25519.`
    throw new TrustError('key-invalid', message, { cause })
  }
}

/** Where KMS is in `region`. */
export function kmsEndpoint(region: string): string {
  return `https://kms.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** The error's name: `__type` of the JSON protocols, with or without a namespace before it. */
function typeOf({ body }: ServiceAnswer): string {
  const type = textAt(documentOf(body), '__type') ?? ''
  return type.slice(type.indexOf('#') + 1)
}

function failure(
  { keyId, region }: KmsConfig,
  answer: ServiceAnswer,
  credentials: AwsCredentials | undefined,
): TrustError {
  const type = typeOf(answer)
  const document = documentOf(answer.body)
  const said = textAt(document, 'message') ?? textAt(document, 'Message') ?? ''
  const secrets = [credentials?.secretAccessKey, credentials?.sessionToken].filter((secret) => secret !== undefined)
  const shown = said === '' ? '' : ` It said: ${excerpt(said, secrets)}`
  const advice = ADVICE.get(type) ?? adviceOn(answer.status, BUSY.has(type))
  const named = excerpt(type === '' ? String(answer.status) : type)
  return new TrustError('signer-failed', `AWS KMS in ${region} refused the key ${keyId} (${named}): ${advice}.${shown}`)
}

function adviceOn(status: number, busy: boolean): string {
  if (busy || status >= 500) return 'wait until it works again, and try again'
  if (status === 200) return 'what answers there is not KMS: compare the address'
  return 'look the name of the error up in the API reference of KMS'
}

const RENEW = 'renew the credentials, in the environment or the shared file'
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['AccessDeniedException', 'allow kms:GetPublicKey and kms:Sign for it, in the key policy or to the user'],
  ['NotFoundException', 'compare its id, and the region'],
  ['DisabledException', 'enable it'],
  ['KMSInvalidStateException', 'it is disabled, being deleted, or not ready: look at its state'],
  ['InvalidKeyUsageException', 'it has to be an asymmetric key with the usage SIGN_VERIFY'],
  ['UnsupportedOperationException', 'it has to be an asymmetric key with the usage SIGN_VERIFY'],
  ['UnrecognizedClientException', RENEW],
  ['ExpiredTokenException', RENEW],
  ['InvalidClientTokenId', RENEW],
  ['IncompleteSignatureException', RENEW],
  ['InvalidSignatureException', 'compare the secret access key, and the clock of this machine'],
])
