import type { Answer, Arrived, ServiceKey } from './key-service.ts'

/** What Vault's API documents for signing; it takes no notice of anything else, and would sign something else then. */
const PARAMETERS = new Set(
  'input key_version prehashed hash_algorithm signature_algorithm marshaling_algorithm salt_length'.split(' '),
)

/** Who may ask, and for what. */
export interface TransitOptions {
  readonly token: string
  /** None: no request may name one. */
  readonly namespace?: string
  readonly mount: string
  readonly name: string
}

/** Vault's transit engine as its API documentation has it, with one real key in several versions. */
export class Transit {
  readonly versions: ServiceKey[] = []
  token: string
  /** What to answer before anything else. */
  readonly queue: Answer[] = []
  /** How to spoil a signature. */
  spoil = (signature: string): string => signature
  readonly #options: TransitOptions

  constructor(options: TransitOptions) {
    this.#options = options
    this.token = options.token
  }

  answer({ method, path, headers, body }: Arrived): Answer {
    const { mount, name } = this.#options
    const next = this.queue.shift()
    if (next !== undefined) return next
    if (headers['x-vault-token'] !== this.token) return { status: 403, document: { errors: ['permission denied'] } }
    if (headers['x-vault-request'] !== 'true') return { status: 400, document: { errors: ['missing header'] } }
    if (headers['x-vault-namespace'] !== this.#options.namespace) return { status: 404, document: { errors: [] } }
    if (method === 'GET' && path === `/v1/${mount}/keys/${name}`) return this.#read()
    if (method === 'POST' && path === `/v1/${mount}/sign/${name}`) return this.#sign(JSON.parse(body.toString()))
    return { status: 404, document: { errors: [] } }
  }

  #read(): Answer {
    const keys = this.versions.map(({ publicKey }, at) => {
      const spki = publicKey.export({ type: 'spki', format: 'der' })
      const raw = spki.subarray(-32).toString('base64')
      const pem = publicKey.export({ type: 'spki', format: 'pem' })
      const text = publicKey.asymmetricKeyType === 'ed25519' ? raw : pem
      return [String(at + 1), { creation_time: '2026-01-01T00:00:00Z', name: 'any', public_key: text }]
    })
    const data = {
      name: this.#options.name,
      latest_version: keys.length,
      exportable: false,
      keys: Object.fromEntries(keys) as unknown,
    }
    return { status: 200, document: { request_id: 'r', lease_duration: 0, renewable: false, auth: null, data } }
  }

  #sign(asked: Record<string, unknown>): Answer {
    const refuse = (error: string): Answer => ({ status: 400, document: { errors: [error] } })
    for (const name of Object.keys(asked)) if (!PARAMETERS.has(name)) return refuse(`unknown ${name}`)
    const key = this.versions[Number(asked['key_version']) - 1]
    if (key === undefined) return refuse('requested version for signing is higher than the latest key version')
    const input = Buffer.from(String(asked['input']), 'base64')
    let signature: Buffer
    if (key.publicKey.asymmetricKeyType === 'ed25519') {
      if (asked['prehashed'] === true) return refuse('ed25519 is not prehashed')
      signature = key.signMessage(input)
    } else {
      if (asked['prehashed'] !== true || asked['hash_algorithm'] !== 'sha2-256' || input.length !== 32)
        return refuse('hash it')
      const rsa = key.publicKey.asymmetricKeyType === 'rsa'
      if (rsa && (asked['signature_algorithm'] !== 'pss' || asked['salt_length'] !== 'hash')) return refuse('not PSS')
      if (!rsa && asked['marshaling_algorithm'] !== 'asn1') return refuse('not DER')
      signature = key.signDigest(input)
    }
    const text = `vault:v${String(asked['key_version'])}:${signature.toString('base64')}`
    return { status: 200, document: { data: { key_version: asked['key_version'], signature: this.spoil(text) } } }
  }
}
