import { readFileSync } from 'node:fs'
import {
  openSigner,
  Pkcs11Tokens,
  readPublicKeyFile,
  readSignerConfig,
  recogniseKeyFile,
  SecretEnvironment,
} from '@waxseal/trust'
import type { PublicKey, Signer, SignerConfig } from '@waxseal/trust'
import { askPassphrase } from './ask-passphrase.ts'

/** A key that a person holds: a file, or an address of docs/keys.md. */
export interface HolderKey {
  readonly key: PublicKey
  /** Opens the private half; asks for a passphrase where there is one. */
  open(): Promise<Signer>
}

const ADDRESS = /^(?:file|env|pkcs11|vault|awskms):/

/**
 * Finds out whose key it is, as far as possible without opening it. `passphraseFile` has the passphrase of an encrypted file,
 * `-` being standard input.
 * @throws TrustError, or CommandError
 */
export async function holderKey(place: string, passphraseFile: string | undefined): Promise<HolderKey> {
  const config: SignerConfig = ADDRESS.test(place) ? readSignerConfig(place) : { kind: 'file', path: place }
  if (config.kind === 'file' && isJson(config.path)) {
    const key = await recogniseKeyFile(config.path)
    return { key, open: () => open(config, passphraseFile) }
  }
  const signer = await open(config, passphraseFile)
  return { key: signer.key, open: () => Promise.resolve(signer) }
}

/** The public half of a file or an address; of a file of a public key, too. @throws TrustError */
export async function publicHalf(place: string): Promise<PublicKey> {
  if (!ADDRESS.test(place) && isJson(place) && !readFileSync(place, 'utf8').includes('"_type"')) {
    return readPublicKeyFile(readFileSync(place))
  }
  return (await holderKey(place, undefined)).key
}

async function open(config: SignerConfig, passphraseFile: string | undefined): Promise<Signer> {
  return await openSigner(config, {
    env: new SecretEnvironment(process.env),
    tokens: new Pkcs11Tokens(),
    now: () => new Date(),
    askPassphrase: (path) => askPassphrase(`The passphrase of ${path}`, passphraseFile),
  })
}

/** Encrypted files and public keys are; PEM is not. One that cannot be read is told of by whoever opens it. */
function isJson(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trimStart().startsWith('{')
  } catch {
    return false
  }
}
