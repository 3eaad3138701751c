import { TrustError } from '../error.ts'
import { serviceAddress } from './https-request.ts'
import type { KmsConfig } from './kms-signer.ts'
import type { Pkcs11Config } from './pkcs11-signer.ts'
import type { SecretSource } from './secret-source.ts'
import type { VaultConfig } from './vault-signer.ts'

/** Where a private key is: what `openSigner` opens. */
export type SignerConfig =
  | { readonly kind: 'file'; readonly path: string; readonly passphrase?: SecretSource | undefined }
  | { readonly kind: 'env'; readonly variable: string }
  | ({ readonly kind: 'pkcs11' } & Pkcs11Config)
  | ({ readonly kind: 'vault' } & VaultConfig)
  | ({ readonly kind: 'awskms' } & KmsConfig)

/** The settings of each kind: those that must be there, then those that may. */
const SETTINGS = {
  file: [['path'], ['passphrase-file', 'passphrase-env']],
  env: [['variable'], []],
  pkcs11: [
    ['module-path', 'token', 'id'],
    ['pin-file', 'pin-env', 'tool'],
  ],
  vault: [
    ['address', 'mount', 'name', 'version'],
    ['token-file', 'token-env', 'namespace', 'ca-file'],
  ],
  awskms: [
    ['key-id', 'region'],
    ['endpoint', 'profile', 'ca-file'],
  ],
} as const satisfies Readonly<Record<SignerConfig['kind'], readonly [readonly string[], readonly string[]]>>

/** Longest text of a setting. */
const MAX_SETTING = 2048
const VARIABLE = /^[A-Za-z_]\w*$/
const KEY_NAME = /^[\w.-]+$/
const MOUNT = /^[\w.-]+(?:\/[\w.-]+)*$/
const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/
const KMS_KEY = /^[\w:/-]+$/

/**
 * Reads where a key is from an object such as a table of a configuration file, `{ kind: 'vault', … }` with the settings of
 * docs/keys.md, or from the same as a URI, which fits into an option or a variable.
 * @throws TrustError `signer-failed`, naming the setting; never its value, in which someone may have put a secret
 */
export function readSignerConfig(input: unknown): SignerConfig {
  if (typeof input === 'string') return fromSettings(...parseUri(input))
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid('it is neither a text nor a table')
  const settings = new Map<string, string>()
  for (const [name, value] of Object.entries(input)) {
    if (typeof value === 'string') settings.set(name, value)
    else if (typeof value === 'number' && name === 'version') settings.set(name, String(value))
    else throw invalid(`${shown(name)} is no text`)
  }
  const kind = settings.get('kind') ?? ''
  settings.delete('kind')
  return fromSettings(kind, settings)
}

/** `scheme:path?name=value&…`; for tokens the attributes of RFC 7512. */
function parseUri(text: string): [kind: string, settings: Map<string, string>] {
  const [, kind, path = '', query = ''] = /^([a-z\d]+):([^?#]*)(?:\?([^#]*))?$/.exec(text) ?? []
  if (kind === undefined) throw invalid(`it has none of the forms ${KINDS}`)
  const settings = new Map<string, string>()
  const add = (name: string, value: string): void => {
    if (settings.has(name)) throw invalid(`${shown(name)} stands there twice`)
    settings.set(name, value)
  }
  const pairs = kind === 'pkcs11' ? [...path.split(';'), ...query.split('&')] : query.split('&')
  for (const pair of pairs.filter((pair) => pair !== '')) {
    const at = pair.indexOf('=')
    if (at < 0) throw invalid(`${shown(pair)} has no value`)
    const name = pair.slice(0, at)
    const value = pair.slice(at + 1)
    if (kind === 'pkcs11' && name === 'id') add('id', hexOf(value))
    else if (kind === 'pkcs11' && name === 'pin-source') add('pin-file', decoded(value).replace(/^file:/, ''))
    else add(name, decoded(value))
  }
  switch (kind) {
    case 'file':
      add('path', decoded(path).replace(/^\/\/(?=\/)/, ''))
      break
    case 'env':
      add('variable', decoded(path))
      break
    case 'vault': {
      const at = path.lastIndexOf('/')
      add('mount', decoded(path.slice(0, Math.max(at, 0))))
      add('name', decoded(path.slice(at + 1)))
      break
    }
    case 'awskms':
      add('key-id', decoded(path).replace(/^\/\/\//, ''))
      break
    default:
  }
  return [kind, settings]
}

function fromSettings(kind: string, settings: ReadonlyMap<string, string>): SignerConfig {
  if (!isKind(kind)) throw invalid(`its kind is none of ${KINDS}`)
  const [required, optional] = SETTINGS[kind] as readonly [readonly string[], readonly string[]]
  for (const [name, value] of settings) {
    if (name === 'pin-value') throw invalid('pin-value would put the PIN where many read it: use pin-file or pin-env')
    if (!required.includes(name) && !optional.includes(name)) {
      throw invalid(`${kind} has no ${shown(name)}, but ${[...required, ...optional].join(', ')}`)
    }
    if (value === '' || value.length > MAX_SETTING || /[\0\r\n]/.test(value))
      throw invalid(`${name} is empty, too long, or more than one line`)
  }
  const get = (name: string, form?: RegExp): string => {
    const value = settings.get(name)
    if (value === undefined) throw invalid(`${kind} needs ${name}`)
    if (form !== undefined && !form.test(value)) throw invalid(`${name} is malformed`)
    return value
  }
  switch (kind) {
    case 'file':
      return { kind, path: get('path'), passphrase: secretOf(settings, 'passphrase') }
    case 'env':
      return { kind, variable: get('variable', VARIABLE) }
    case 'pkcs11': {
      const token = { module: get('module-path'), token: get('token'), id: get('id', /^(?:[\da-f]{2})+$/i) }
      return { kind, ...token, pin: neededSecret(kind, settings, 'pin'), tool: settings.get('tool') }
    }
    case 'vault': {
      const key = {
        mount: get('mount', MOUNT),
        name: get('name', KEY_NAME),
        version: Number(get('version', /^[1-9]\d{0,8}$/)),
      }
      const where = { address: get('address'), namespace: settings.get('namespace'), caFile: settings.get('ca-file') }
      serviceAddress(where.address, 'Vault')
      return { kind, ...key, ...where, token: neededSecret(kind, settings, 'token') }
    }
    case 'awskms': {
      const where = {
        endpoint: settings.get('endpoint'),
        profile: settings.get('profile'),
        caFile: settings.get('ca-file'),
      }
      if (where.endpoint !== undefined) serviceAddress(where.endpoint, 'AWS KMS')
      return { kind, keyId: get('key-id', KMS_KEY), region: get('region', REGION), ...where }
    }
  }
}

/** Where the secret `name` is: `NAME-file` or `NAME-env`, not both. */
function secretOf(settings: ReadonlyMap<string, string>, name: string): SecretSource | undefined {
  const path = settings.get(`${name}-file`)
  const variable = settings.get(`${name}-env`)
  if (path !== undefined && variable !== undefined) throw invalid(`${name}-file and ${name}-env exclude each other`)
  if (path !== undefined) return { kind: 'file', path }
  if (variable === undefined) return undefined
  if (!VARIABLE.test(variable)) throw invalid(`${name}-env is no name of a variable`)
  return { kind: 'env', variable }
}

function neededSecret(kind: string, settings: ReadonlyMap<string, string>, name: string): SecretSource {
  const source = secretOf(settings, name)
  if (source === undefined) throw invalid(`${kind} needs ${name}-file or ${name}-env`)
  return source
}

/** CKA_ID is bytes: `%01%2a`, or as characters. */
function hexOf(value: string): string {
  const bytes = value.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('hex')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw invalid('a percent sign in it does not begin an escape', cause)
  }
}

function isKind(text: string): text is SignerConfig['kind'] {
  return Object.hasOwn(SETTINGS, text)
}

const KINDS = Object.keys(SETTINGS)
  .map((kind) => `${kind}:`)
  .join(', ')

/** A name as messages repeat it. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40))
}

function invalid(reason: string, cause?: unknown): TrustError {
  const message = `It cannot be said where the key is: ${reason}. See docs/keys.md.`
  return new TrustError('signer-failed', message, cause === undefined ? undefined : { cause })
}
