import { resolve } from 'node:path'
import type { SigningKeys } from '@waxseal/index'
import { signingKeysIn } from '@waxseal/index'
import { readSignerConfig } from '@waxseal/trust'
import type { SecretSource, SignerConfig } from '@waxseal/trust'
import type { Settings } from './settings.ts'

/** Where each key of the server is: as configured, else a file in the data folder. */
export function signingOf({ values, resolvePath }: Settings, dataDir: string): SigningKeys {
  const configured = Object.entries(values.signing ?? {}).flatMap(([name, address]) => {
    if (address === undefined) return []
    return [[name, placed(readSignerConfig(address), (file) => resolvePath(['signing', name], file))] as const]
  })
  return { ...signingKeysIn(resolve(dataDir)), ...Object.fromEntries(configured) }
}

/** Files count from where the address stands, as every path of the configuration does. */
export function placed(config: SignerConfig, place: (file: string) => string): SignerConfig {
  const secret = (source: SecretSource): SecretSource =>
    source.kind === 'file' ? { ...source, path: place(source.path) } : source
  const ca = (file: string | undefined): string | undefined => (file === undefined ? undefined : place(file))
  const { kind } = config
  switch (kind) {
    case 'file':
      return { ...config, path: place(config.path), passphrase: config.passphrase && secret(config.passphrase) }
    case 'env':
      return config
    case 'pkcs11':
      return { ...config, pin: secret(config.pin) }
    case 'vault':
      return { ...config, token: secret(config.token), caFile: ca(config.caFile) }
    case 'awskms':
      return { ...config, caFile: ca(config.caFile) }
  }
}

/** Environment variables that hold keys, or what opens them. */
export function variablesOf(keys: readonly SignerConfig[]): readonly string[] {
  return keys.flatMap((config) => {
    if (config.kind === 'env') return [config.variable]
    const source = secretOf(config)
    return source?.kind === 'env' ? [source.variable] : []
  })
}

function secretOf(config: SignerConfig): SecretSource | undefined {
  switch (config.kind) {
    case 'file':
      return config.passphrase
    case 'pkcs11':
      return config.pin
    case 'vault':
      return config.token
    case 'env':
    case 'awskms':
      return undefined
  }
}
