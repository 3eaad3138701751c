import type { PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import { envSigner } from './env-signer.ts'
import { openKeyFile } from './key-file.ts'
import { openKmsSigner } from './kms-signer.ts'
import { openPkcs11Signer } from './pkcs11-signer.ts'
import type { Pkcs11Tokens } from './pkcs11-tokens.ts'
import { readSecret } from './secret-source.ts'
import type { SecretEnvironment } from './secret-source.ts'
import type { SignerConfig } from './signer-config.ts'
import { openVaultSigner } from './vault-signer.ts'

/** What all signers of a process share. */
export interface SignerContext {
  readonly env: SecretEnvironment
  readonly tokens: Pkcs11Tokens
  /** The time that requests are signed with. */
  readonly now: () => Date
  /** Asks a person for the passphrase of an encrypted file whose configuration names none. */
  readonly askPassphrase?: ((path: string, key: PublicKey) => Promise<string>) | undefined
}

/**
 * Opens the key that a configuration names (`readSignerConfig`). Whether it is the key that metadata lists, is for the caller
 * to see: `signer.key`.
 * @throws TrustError `signer-failed` with what to do, `passphrase-wrong`, `key-invalid`
 */
export async function openSigner(config: SignerConfig, context: SignerContext): Promise<Signer> {
  const { env, tokens, now, askPassphrase } = context
  switch (config.kind) {
    case 'file': {
      const { path, passphrase } = config
      if (passphrase !== undefined) return openKeyFile(path, async () => readSecret(passphrase, 'The passphrase', env))
      return openKeyFile(path, askPassphrase === undefined ? undefined : (key) => askPassphrase(path, key))
    }
    case 'env':
      return envSigner(config.variable, env)
    case 'pkcs11':
      return openPkcs11Signer(config, env, tokens)
    case 'vault':
      return openVaultSigner(config, env)
    case 'awskms':
      return openKmsSigner(config, env, now)
  }
}
