import { isIPv4 } from 'node:net'
import { dirname, resolve } from 'node:path'
import { policyWords } from '@waxseal/index'
import type { FirstRoot } from '@waxseal/index'
import type { ServerConfig } from './config/load.ts'
import { VERSION } from './version.ts'

/** What a start found out about its index. */
export interface Found {
  /** The first administrator's, or whether init made it before. */
  readonly firstToken: string | { readonly fromInit: boolean }
  /** The first root, which clients begin with; undefined while the index is not signed. */
  readonly root: FirstRoot | undefined
  /** Whether a ceremony waits for those who sign. */
  readonly ceremony: boolean
  /** Offline keys that are still on this machine. */
  readonly keysLeft: readonly string[]
}

/** What `serve` says once it answers, at `urls`. */
export function greeting(
  urls: readonly string[],
  config: ServerConfig,
  { firstToken, root, ceremony, keysLeft }: Found,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const { dataDir, upstreams, prefixes, policy, reading, readOnly, offline } = config.index
  const [url = '', ...others] = urls
  const asked = upstreams.map(({ name, url: base }) => `${name} (${base})`).join(', ')
  const token =
    typeof firstToken !== 'string'
      ? [
          `Admin token: the one from ${firstToken.fromInit ? 'init' : 'before'}. A new one: waxseal token create --user admin --scope admin --data ${dataDir}`,
        ]
      : ['Admin token, shown this once:', `  ${firstToken}`]
  return [
    `Waxseal ${VERSION} answers at ${url}/`,
    ...others.map((other) => `  and at     ${other}/`),
    `  data       ${dataDir}`,
    `  upstreams  ${asked === '' ? 'none' : asked}`,
    `  prefixes   ${prefixes.length === 0 ? 'none' : prefixes.join(', ')}`,
    `  unclaimed  ${policyWords(policy)}`,
    `  reading    ${reading}`,
    ...(root === undefined
      ? [
          ceremony
            ? `  signed     no: its first ceremony has begun: waxseal ceremony show --data ${dataDir}`
            : `  signed     no: waxseal init --data ${dataDir} signs it`,
        ]
      : [`  signed     yes; root: ${url}/tuf/1.root.json`, `  its sha256 ${root.sha256}`]),
    ...(readOnly ? ['  mode       read-only: nothing is changed, no upstream is asked'] : []),
    ...(offline ? ['  mode       offline: no upstream is asked'] : []),
    '',
    ...plainHttpWarning(config, url),
    ...copiedCertificateWarning(config, url, env),
    ...keysLeftWarning(keysLeft),
    ...token,
    '',
    'Install from it, and only from it:',
    `  pip      pip install --index-url ${url}/simple/ NAME`,
    `  uv       uv pip install --default-index ${url}/simple/ NAME`,
    `  Poetry   poetry source add --priority=primary waxseal ${url}/simple/`,
    `  PDM      pdm config pypi.url ${url}/simple/`,
    `  pipenv   pipenv install --pypi-mirror ${url}/simple/ NAME`,
    'Upload to it, with the token as the password:',
    `  twine    twine upload --repository-url ${url}/legacy/ -u __token__ dist/*`,
    `  uv       uv publish --publish-url ${url}/legacy/ --token TOKEN`,
    `Why a name is answered as it is: ${url}/why/NAME`,
    `More clients, and all documentation: ${url}/docs/`,
    '',
  ]
}

/** Whoever breaks into this machine takes them too, and with the passphrase the index is theirs for good. */
function keysLeftWarning(files: readonly string[]): readonly string[] {
  if (files.length === 0) return []
  return [
    `Warning: the offline keys of this index are still on this machine: ${files.join(', ')}`,
    'Move them to two places that are not connected to it. A server never needs them.',
    '',
  ]
}

/** pip passes over an index on plain http unless it is on its own machine, and says so only in a warning. */
function plainHttpWarning({ listen, tls, index }: ServerConfig, url: string): readonly string[] {
  const reachable = listen.some(({ host }) => !isLoopback(host))
  if (tls !== undefined || !reachable || index.publicUrl?.startsWith('https:') === true) return []
  return [
    'Warning: other machines reach this index over plain http. pip passes over such an index, and anybody on the way',
    'can change what is installed. Set [tls] certificate and key, or put a proxy with https before it and set public-url:',
    `${url}/docs/deployment.html`,
    '',
  ]
}

/** LoadCredential= of systemd: its copies stay as they were when the service started, so there is nothing to notice. */
function copiedCertificateWarning({ tls }: ServerConfig, url: string, env: NodeJS.ProcessEnv): readonly string[] {
  const credentials = env['CREDENTIALS_DIRECTORY']
  if (tls === undefined || !credentials) return []
  const copied = [tls.certificate, tls.key].filter((path) => dirname(path) === resolve(credentials))
  if (copied.length === 0) return []
  return [
    `Warning: ${copied.join(' and ')} is a copy that systemd made when the service started. A renewed certificate`,
    'is served only after a restart. Read it from a folder of the service instead:',
    `${url}/docs/deployment.html`,
    '',
  ]
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
