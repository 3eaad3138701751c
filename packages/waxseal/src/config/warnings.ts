import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { isIPv4, isIPv6 } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { keyProblems, signerContext, systemClock } from '@waxseal/index'
import type { CheckedConfig, ServerConfig } from './load.ts'
import { CONFIG_NAME } from './read-file.ts'
import { redactUrl } from '@waxseal/guard/redact'
import type { Settings } from './settings.ts'

/** What works and is hardly meant: one sentence each, with what to do about it. For `waxseal config check`. */
export function configWarnings({ config, settings, warnings }: CheckedConfig): readonly string[] {
  return [
    ...warnings,
    ...dataFolder(config.index.dataDir),
    ...otherFile(settings, config.index.dataDir),
    ...openSecrets(settings),
    ...plainHttp(config),
    ...severalUpstreams(config),
  ]
}

/** Keys that a server could not sign with. Opens each, as a server does: asks services and tokens. */
export async function keyWarnings({ config: { index } }: CheckedConfig): Promise<readonly string[]> {
  const problems = await keyProblems(index.dataDir, index.signing, signerContext(systemClock, process.env))
  return Array.from(problems, ([name, problem]) => `signing.${name}: the server cannot sign with this key. ${problem}`)
}

function dataFolder(data: string): readonly string[] {
  let place = data
  while (!existsSync(place)) place = dirname(place)
  try {
    accessSync(place, constants.W_OK | constants.X_OK)
    return []
  } catch {
    return place === data
      ? [`The data folder ${data} is not writable for this user.`]
      : [`The data folder ${data} cannot be made: ${place} is not writable for this user.`]
  }
}

function otherFile({ file }: Settings, data: string): readonly string[] {
  const own = join(data, CONFIG_NAME)
  if (file === undefined || resolve(file.path) === own || !existsSync(own)) return []
  return [`${own} is not read, because ${file.path} is.`]
}

function openSecrets({ file, values, sourceOf, resolvePath }: Settings): readonly string[] {
  const fromFile = (path: readonly string[]): boolean => sourceOf(path).kind === 'file'
  const urls = [
    ...(values.database !== undefined && fromFile(['database']) ? [values.database] : []),
    ...Object.entries(values.upstream ?? {}).flatMap(([name, { url, proxy }]) =>
      fromFile(['upstream', name]) ? [url, ...(proxy === undefined ? [] : [proxy])] : [],
    ),
  ]
  const secrets = Object.entries(values.upstream ?? {}).flatMap(([name, upstream]) =>
    (['password-file', 'token-file'] as const).flatMap((key) => {
      const value = upstream[key]
      return value === undefined ? [] : [resolvePath(['upstream', name, key], value)]
    }),
  )
  const inFile = file !== undefined && urls.some((url) => redactUrl(url) !== URL.parse(url)?.href)
  return [...(inFile ? [file.path] : []), ...secrets]
    .filter((path) => existsSync(path) && (statSync(path).mode & 0o004) !== 0)
    .map((path) => `${path} holds a secret and every user of this machine may read it; run: chmod 0600 ${path}`)
}

function plainHttp({ listen, tls, index }: ServerConfig): readonly string[] {
  const url = index.publicUrl === undefined ? undefined : URL.parse(index.publicUrl)
  if (url?.protocol === 'http:' && !isLoopback(url.hostname)) {
    return [
      'public-url is plain http: pip ignores such an index, and what is installed can be altered on the way. Use https.',
    ]
  }
  const open = listen.some(({ host }) => !isLoopback(host))
  if (url !== undefined || tls !== undefined || index.trustedProxies.length > 0 || !open) return []
  return [
    'Other machines are served over plain http: pip ignores such an index. Set [tls], or put a proxy with https in front and name it in public-url.',
  ]
}

function severalUpstreams({ index }: ServerConfig): readonly string[] {
  const names = index.upstreams.map(({ name }) => name)
  if (names.length < 2) return []
  return [
    `Several upstreams: a name that nobody has decided about goes to the first of ${names.join(', ')} that has it, for good. Keep private names under prefixes.`,
  ]
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIPv4(bare)) return bare.startsWith('127.')
  return isIPv6(bare) ? bare === '::1' : bare === 'localhost' || bare.endsWith('.localhost')
}
