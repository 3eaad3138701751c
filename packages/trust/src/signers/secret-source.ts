import { TrustError } from '../error.ts'
import { MAX_SECRET_FILE } from '../limits.ts'
import { readSmallFile } from './read-file.ts'

/** Where a passphrase, PIN or token comes from. Never a value: those end up in process lists, histories and backups. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly variable: string }

/**
 * The environment, whose secrets are taken out as they are read: no child process, dump or log of it has them afterwards. One
 * for a process, because two signers may need one token.
 */
export class SecretEnvironment {
  readonly #variables: Record<string, string | undefined>
  readonly #taken = new Map<string, string>()

  constructor(variables: Record<string, string | undefined>) {
    this.#variables = variables
  }

  /** What is no secret: an address, a region. */
  get(name: string): string | undefined {
    return this.#variables[name] || undefined
  }

  /** What child processes get. */
  get rest(): Record<string, string | undefined> {
    return { ...this.#variables }
  }

  /** Takes a secret out. @throws TrustError `signer-failed` */
  take(name: string): string {
    const value = this.#taken.get(name) ?? this.#variables[name]
    if (value === undefined || value === '') {
      throw new TrustError(
        'signer-failed',
        `The environment variable ${name} is not set: set it for the process that signs.`,
      )
    }
    this.#taken.set(name, value)
    delete this.#variables[name]
    return value
  }
}

/** Reads a secret; the space around it is no part of it. `what` says in messages what it is: `The PIN`. @throws TrustError `signer-failed` */
export async function readSecret(source: SecretSource, what: string, env: SecretEnvironment): Promise<string> {
  const secret = (await textOf(source, what, env)).trim()
  if (secret === '' || /[\r\n]/.test(secret)) {
    const where = source.kind === 'file' ? `file ${source.path}` : `environment variable ${source.variable}`
    throw new TrustError('signer-failed', `${what} in the ${where} is not one line of text: look at what writes it.`)
  }
  return secret
}

async function textOf(source: SecretSource, what: string, env: SecretEnvironment): Promise<string> {
  switch (source.kind) {
    case 'file': {
      const { bytes } = await readSmallFile(source.path, MAX_SECRET_FILE, `${what}'s file`)
      return Buffer.from(bytes).toString()
    }
    case 'env':
      return env.take(source.variable)
  }
}
