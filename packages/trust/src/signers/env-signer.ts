import { TrustError } from '../error.ts'
import { keySigner } from '../key-signer.ts'
import { MAX_KEY_FILE } from '../limits.ts'
import type { Signer } from '../signer.ts'
import { readPrivateKey } from './key-file.ts'
import type { SecretEnvironment } from './secret-source.ts'

/**
 * A signer with the key in the environment variable `name`: PKCS#8 in PEM, or the base64 of that, for where a variable has one
 * line. The variable is removed, so that no child process, dump or log of the environment has it afterwards.
 * @throws TrustError `signer-failed` or `key-invalid`, without anything of its value
 */
export function envSigner(name: string, env: SecretEnvironment): Signer {
  const value = env.take(name)
  if (value.length > 2 * MAX_KEY_FILE) {
    throw new TrustError('key-invalid', `The environment variable ${name} is too long for a key: look at what sets it.`)
  }
  const text = value.includes('-----BEGIN') ? value : Buffer.from(value, 'base64').toString('latin1')
  return keySigner(readPrivateKey(text, `The environment variable ${name}`))
}
