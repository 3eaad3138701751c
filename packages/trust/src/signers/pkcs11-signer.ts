import { spawn } from 'node:child_process'
import { createHash, createPublicKey } from 'node:crypto'
import { TrustError } from '../error.ts'
import { MAX_PKCS11_OUTPUT } from '../limits.ts'
import { publicKeyOf } from '../public-key.ts'
import type { KeyScheme, PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { checkedSigner, excerpt } from './checked-signer.ts'
import type { Pkcs11Tokens } from './pkcs11-tokens.ts'
import { readSecret } from './secret-source.ts'
import type { SecretEnvironment, SecretSource } from './secret-source.ts'

/** A key in a token that a PKCS#11 module drives: a smart card, an HSM. */
export interface Pkcs11Config {
  /** Path of the module, a shared library. */
  readonly module: string
  /** The token's label. */
  readonly token: string
  /** The key's CKA_ID, in hexadecimal. Labels do not do: pkcs11-tool takes the first object that has one, private or not. */
  readonly id: string
  readonly pin: SecretSource
  /** The program that talks to the module, where it is not in `PATH`. */
  readonly tool?: string | undefined
}

/** The variable that hands the PIN to the tool: arguments are for everybody to read. */
const PIN_VARIABLE = 'WAXSEAL_PKCS11_PIN'

/**
 * A signer with a key in a token, by OpenSC's `pkcs11-tool` (decision 17); `tokens` is one for a process. The token is asked for the public key, and logged in
 * to, now. A PIN that was refused is never sent again: tokens lock themselves after three.
 * @throws TrustError `signer-failed` with what to do; `key-invalid` for a key of another kind
 */
export async function openPkcs11Signer(
  config: Pkcs11Config,
  env: SecretEnvironment,
  tokens: Pkcs11Tokens,
): Promise<Signer> {
  const token = new Token(config, await readSecret(config.pin, 'The PIN', env), env, tokens)
  const key = readKey(await token.run(['--read-object', '--type', 'pubkey']), config)
  return checkedSigner(key, `The token ${config.token}`, async (bytes) => {
    const { mechanism, input } = toSign(key.scheme, bytes)
    return token.run(['--sign', ...mechanism], input)
  })
}

class Token {
  readonly #config: Pkcs11Config
  readonly #pin: string
  readonly #env: SecretEnvironment
  readonly #tokens: Pkcs11Tokens

  constructor(config: Pkcs11Config, pin: string, env: SecretEnvironment, tokens: Pkcs11Tokens) {
    this.#config = config
    this.#pin = pin
    this.#env = env
    this.#tokens = tokens
  }

  async run(what: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
    const { module, token, id, tool = 'pkcs11-tool' } = this.#config
    // prettier-ignore
    const args = ['--module', module, '--token-label', token, '--login', '--pin', `env:${PIN_VARIABLE}`, '--id', id, ...what]
    return this.#tokens.use(this.#config, async () => {
      const env = { ...this.#env.rest, [PIN_VARIABLE]: this.#pin, LC_ALL: 'C' }
      const { code, output, said } = await runTool(tool, args, { env, input, timeout: this.#tokens.timeoutMs })
      if (code === 0 && output.length > 0) return output
      const error = this.#failure(said)
      if (/CKR_PIN_(?:INCORRECT|LOCKED|EXPIRED)/.test(said)) this.#tokens.refuse(this.#config, error)
      throw error
    })
  }

  #failure(said: string): TrustError {
    const { module, token, id } = this.#config
    const advice = ADVICE.find(([pattern]) => pattern.test(said))?.[1]
    const next = advice ?? 'Try the same by hand: pkcs11-tool --login --sign'
    const message = `The key ${id} of the token ${token} cannot be used (${module}): ${next}. It said: ${excerpt(said, [this.#pin])}`
    return new TrustError('signer-failed', message)
  }
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /CKR_PIN_INCORRECT/,
    'the PIN is wrong, and is not tried again so that the token does not lock itself: mend it and start again',
  ],
  [/CKR_PIN_LOCKED/, 'the PIN is locked: unlock it with the PUK or the security officer’s PIN, and start again'],
  [/CKR_PIN_EXPIRED/, 'the PIN has to be changed first'],
  [/No slot with/, 'there is no such token: plug it in, or compare its label with pkcs11-tool --list-token-slots'],
  [/object not found|key not found/, 'it has no such key: compare its id with pkcs11-tool --login --list-objects'],
  [/Failed to load pkcs11 module/, 'the module cannot be loaded: check its path'],
  [
    /C_Sign(?:Update|Final)? failed/,
    'the token refused. Ed25519 over more than 1,024 bytes is what pkcs11-tool cannot ask for: use a P-256 key',
  ],
]

interface ToolResult {
  readonly code: number | null
  readonly output: Uint8Array
  /** What it wrote to standard error. */
  readonly said: string
}

async function runTool(
  tool: string,
  args: readonly string[],
  {
    env,
    input,
    timeout,
  }: {
    readonly env: Record<string, string | undefined>
    readonly input: Uint8Array | undefined
    readonly timeout: number
  },
): Promise<ToolResult> {
  const child = spawn(tool, args, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' })
  const output: Buffer[] = []
  const said: Buffer[] = []
  let size = 0
  for (const [stream, chunks] of [
    [child.stdout, output],
    [child.stderr, said],
  ] as const) {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_PKCS11_OUTPUT) child.kill('SIGKILL')
      else chunks.push(chunk)
    })
  }
  // A tool that ends before it has read everything says why by itself.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const { promise, resolve, reject } = Promise.withResolvers<ToolResult>()
  child.once('error', (cause) => {
    const message = `${tool} could not be started: install OpenSC (apt-get install opensc), or say where it is.`
    reject(new TrustError('signer-failed', message, { cause }))
  })
  child.once('close', (code, signal) => {
    if (signal === null) resolve({ code, output: Buffer.concat(output), said: Buffer.concat(said).toString() })
    else {
      const message = `${tool} gave no answer within ${timeout / 1000} s, or an endless one (${signal}): see whether the token waits for a touch, and try again.`
      reject(new TrustError('signer-failed', message))
    }
  })
  return promise
}

/** ECDSA and RSA sign what was hashed here: every token can, of whatever size it is; not all hash. */
function toSign(scheme: KeyScheme, bytes: Uint8Array): { mechanism: readonly string[]; input: Uint8Array } {
  switch (scheme) {
    case 'ed25519':
      return { mechanism: ['--mechanism', 'EDDSA'], input: bytes }
    case 'ecdsa-sha2-nistp256':
      return { mechanism: ['--mechanism', 'ECDSA', '--signature-format', 'openssl'], input: sha256(bytes) }
    case 'rsassa-pss-sha256':
      // prettier-ignore
      return { mechanism: ['--mechanism', 'RSA-PKCS-PSS', '--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256'], input: sha256(bytes) }
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}

/** pkcs11-tool writes Ed25519 keys as PEM and others as DER. */
function readKey(bytes: Uint8Array, { token, id }: Pkcs11Config): PublicKey {
  const text = Buffer.from(bytes).toString('latin1')
  try {
    return publicKeyOf(
      text.startsWith('-----BEGIN')
        ? createPublicKey(text)
        : createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' }),
    )
  } catch (cause) {
    const message = `The key ${id} of the token ${token} cannot be used: it has to be Ed25519, ECDSA on P-256, or RSA of 2,048 to 8,192 bits.`
    throw new TrustError('key-invalid', message, { cause })
  }
}
