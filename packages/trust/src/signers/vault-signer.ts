import { createHash, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { ed25519Key, publicKeyOf } from '../public-key.ts'
import type { KeyScheme, PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { checkedSigner, excerpt } from './checked-signer.ts'
import { askService, readAuthorities, serviceAddress } from './https-request.ts'
import type { ServiceAnswer, ServicePatience } from './https-request.ts'
import { readSecret } from './secret-source.ts'
import type { SecretEnvironment, SecretSource } from './secret-source.ts'
import { base64Of, documentOf, objectAt, textAt } from './service-document.ts'

/** A key in the transit engine of HashiCorp Vault, or of OpenBao, which speaks the same. */
export interface VaultConfig {
  readonly address: string
  /** Where the engine is mounted: `transit`. */
  readonly mount: string
  readonly name: string
  /** Which version of the key: in TUF each is a key of its own, and a rotation in Vault must not change who signs. */
  readonly version: number
  readonly token: SecretSource
  readonly namespace?: string | undefined
  /** A PEM file of certificate authorities. */
  readonly caFile?: string | undefined
}

/**
 * A signer with a key in Vault, which is asked for the public key now. A token's file is read for every request: Vault Agent
 * puts new tokens there.
 * @throws TrustError `signer-failed` with what to do; `key-invalid` for a key of another kind
 */
export async function openVaultSigner(
  config: VaultConfig,
  env: SecretEnvironment,
  patience?: ServicePatience,
): Promise<Signer> {
  const vault = await VaultTransit.open(config, env, patience)
  const key = await vault.publicKey()
  return checkedSigner(key, `Vault's key ${config.name}`, (bytes) => vault.sign(key.scheme, bytes))
}

class VaultTransit {
  readonly #config: VaultConfig
  readonly #address: URL
  readonly #env: SecretEnvironment
  readonly #ca: string | undefined
  readonly #patience: ServicePatience | undefined

  private constructor(
    config: VaultConfig,
    address: URL,
    env: SecretEnvironment,
    ca: string | undefined,
    patience: ServicePatience | undefined,
  ) {
    this.#config = config
    this.#address = address
    this.#env = env
    this.#ca = ca
    this.#patience = patience
  }

  static async open(
    config: VaultConfig,
    env: SecretEnvironment,
    patience: ServicePatience | undefined,
  ): Promise<VaultTransit> {
    const address = serviceAddress(config.address, 'Vault')
    return new VaultTransit(config, address, env, await readAuthorities(config.caFile), patience)
  }

  async publicKey(): Promise<PublicKey> {
    const { name, version } = this.#config
    const data = await this.#ask('GET', 'keys')
    const text = textAt(objectAt(data, 'keys', String(version)), 'public_key')
    if (text === undefined) {
      const message = `Vault's key ${name} has no version ${version} with a public key: compare with vault read ${this.#config.mount}/keys/${name}`
      throw new TrustError('signer-failed', message)
    }
    try {
      return publicKeyOf(readKey(text))
    } catch (cause) {
      const message = `Vault's key ${name} cannot be used: its type has to be ed25519, ecdsa-p256, or rsa-2048 and more.`
      throw new TrustError('key-invalid', message, { cause })
    }
  }

  async sign(scheme: KeyScheme, bytes: Uint8Array): Promise<Uint8Array> {
    const { name, version } = this.#config
    const data = await this.#ask('POST', 'sign', { key_version: version, ...toSign(scheme, bytes) })
    const [, , signature] = /^vault:v(\d+):(.+)$/.exec(textAt(data, 'signature') ?? '') ?? []
    const decoded = base64Of(signature)
    if (decoded !== undefined) return decoded
    throw new TrustError(
      'signer-failed',
      `Vault answered without a signature of the key ${name}: see what really answers there.`,
    )
  }

  async #ask(method: 'GET' | 'POST', what: string, body?: Readonly<Record<string, unknown>>): Promise<JsonObject> {
    const { mount, name, namespace } = this.#config
    const url = new URL(`${this.#address.href.replace(/\/$/, '')}/v1/${mount}/${what}/${name}`)
    let token = ''
    const answer = await askService(
      { name: 'Vault', ca: this.#ca },
      async () => {
        token = await readSecret(this.#config.token, 'The Vault token', this.#env)
        const headers = {
          'x-vault-token': token,
          'x-vault-request': 'true',
          ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        }
        return { method, url, headers, body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)) }
      },
      this.#patience,
    )
    const data = objectAt(documentOf(answer.body), 'data')
    if (answer.status !== 200 || data === undefined) throw this.#failure(what, answer, token)
    return data
  }

  #failure(what: string, { status, body }: ServiceAnswer, token: string): TrustError {
    const { mount, name } = this.#config
    const errors = documentOf(body)?.get('errors')
    const said = Array.isArray(errors) ? errors.filter((error) => typeof error === 'string').join('; ') : ''
    const shown = said === '' ? '' : ` It said: ${excerpt(said, [token])}`
    const message = `Vault at ${this.#address.origin} did not ${what === 'sign' ? 'sign with' : 'show'} the key ${name} (${status}): ${adviceOn(status, mount, name)}.${shown}`
    return new TrustError('signer-failed', message)
  }
}

function adviceOn(status: number, mount: string, name: string): string {
  if (status === 200) return 'what answers there is not Vault: compare the address'
  if (status === 403)
    return `renew the token, and let its policy read ${mount}/keys/${name} and update ${mount}/sign/${name}`
  if (status === 404) return `see whether the engine is mounted at ${mount}, the key is there, and the namespace right`
  if (status === 503) return 'unseal it'
  if (status >= 300 && status < 400)
    return 'it points elsewhere, which is not followed: give the address of the active server'
  if (status === 429 || status >= 500) return 'wait until it works again, and try again'
  return 'see that the key is of a type that signs, and that this version of it is not below min_encryption_version'
}

/** Ed25519 goes as a whole, and nothing else can: its own hash is another. Of the others the hash is enough. */
function toSign(scheme: KeyScheme, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (scheme === 'ed25519') return { input: Buffer.from(bytes).toString('base64') }
  const input = createHash('sha256').update(bytes).digest('base64')
  const hashed = { input, prehashed: true, hash_algorithm: 'sha2-256' }
  return scheme === 'rsassa-pss-sha256'
    ? { ...hashed, signature_algorithm: 'pss', salt_length: 'hash' }
    : { ...hashed, marshaling_algorithm: 'asn1' }
}

/** Ed25519 is the base64 of its 32 bytes; the others are PEM. */
function readKey(text: string): KeyObject {
  const raw = base64Of(text)
  return raw?.length === 32 ? ed25519Key(raw) : createPublicKey(text)
}
