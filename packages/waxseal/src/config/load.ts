import { isAbsolute, relative, sep } from 'node:path'
import type { IndexConfig } from '@waxseal/index'
import { indexDefaults, MIN_ADMIN_TOKEN_LENGTH, SHUTDOWN_GRACE_MS } from '@waxseal/index'
import { OPEN_DEFAULT } from '@waxseal/index/names'
import { normalizeProjectName } from '@waxseal/packaging'
import { claimsOf } from './claims.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN } from './defaults.ts'
import { secretVariable, unknownVariables } from './environment.ts'
import { offlineFolderOf } from '../offline-keys.ts'
import type { ConfigOptions } from './options.ts'
import type { Problem } from './problems.ts'
import { invalidConfig, tellProblems } from './problems.ts'
import type { ConfigValues } from './schema.ts'
import type { Settings } from './settings.ts'
import { readSettings } from './settings.ts'
import { signingOf, variablesOf } from './signing.ts'
import { upstreamsOf } from './upstreams.ts'
import type { ListenAddress } from './values.ts'
import { parseListen } from './values.ts'
import { webhooksOf } from './webhooks.ts'

/** Everything that `serve` needs to know. */
export interface ServerConfig {
  /** One or more. */
  readonly listen: readonly ListenAddress[]
  /** Paths of PEM files; absent: plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  readonly stop: StopSettings
  /** Where the offline keys of a new index go. */
  readonly offlineKeys: string
  readonly index: IndexConfig
}

const SECONDS_A_DAY = 86_400

/** How a server stops, in milliseconds. */
export interface StopSettings {
  /** From the signal until new connections are refused. */
  readonly delayMs: number
  /** From then on, for what is under way. */
  readonly graceMs: number
}

/** Notes something wrong about the key at `path`, where the schema cannot see it: files, and keys that need each other. */
export type Report = (path: readonly PropertyKey[], message: string) => void

/** A configuration, and what is wrong with it; with problems, `config` is what is left without the keys in question. */
export interface CheckedConfig {
  readonly config: ServerConfig
  readonly settings: Settings
  readonly problems: readonly Problem[]
  /** Sentences about what works and is hardly meant. */
  readonly warnings: readonly string[]
}

/**
 * Reads options, environment and file into one validated configuration; warnings go to standard error. Throws
 * CommandError `config-invalid` with every problem, each with its file, line and key.
 */
export async function loadConfig(options: ConfigOptions, env: NodeJS.ProcessEnv): Promise<ServerConfig> {
  const { config, settings, problems, warnings } = checkConfig(options, env)
  for (const warning of warnings) process.stderr.write(`waxseal: ${warning}\n`)
  if (problems.length > 0) throw invalidConfig(await tellProblems(problems, settings.file))
  return config
}

/** Everything that is wrong at once. Throws only where the file cannot be read or is not TOML. */
export function checkConfig(options: ConfigOptions, env: NodeJS.ProcessEnv): CheckedConfig {
  const settings = readSettings(options, env)
  const problems = [...settings.problems]
  const report: Report = (path, message) => problems.push({ path, source: settings.sourceOf(path), message })
  const config = serverConfig(settings, report)
  const token = secretVariable(env, 'WAXSEAL_ADMIN_TOKEN')
  const environment = (variable: string, message: string): void => {
    problems.push({ path: [], source: { kind: 'environment', variable }, message })
  }
  if (token.kind === 'wrong') environment(token.variable, token.message)
  if (token.kind === 'value' && token.text.trim().length < MIN_ADMIN_TOKEN_LENGTH) {
    environment(token.variable, `needs at least ${MIN_ADMIN_TOKEN_LENGTH} characters`)
  }
  return {
    config: token.kind === 'value' ? { ...config, index: { ...config.index, adminToken: token.text } } : config,
    settings,
    problems,
    warnings: unknownVariables(
      env,
      variablesOf([...Object.values(config.index.signing), ...config.index.webhooks.map(({ key }) => key)]),
    ),
  }
}

function serverConfig(settings: Settings, report: Report): ServerConfig {
  const { values } = settings
  const data = settings.resolvePath(['data'], values.data ?? DEFAULT_DATA)
  const listen = [values.listen ?? DEFAULT_LISTEN].flat().map(parseListen)
  const tls = tlsOf(settings, report)
  const uploads = values.uploads ?? {}
  const upstreams = upstreamsOf(settings, report)
  return {
    listen: listen.filter((address) => address !== undefined),
    ...(tls === undefined ? {} : { tls }),
    stop: {
      delayMs: 1000 * (values.stop?.['delay-seconds'] ?? 0),
      graceMs: 1000 * (values.stop?.['grace-seconds'] ?? SHUTDOWN_GRACE_MS / 1000),
    },
    offlineKeys: offlineKeysOf(settings, data, report),
    index: indexDefaults(data, {
      ...(values.database === undefined ? {} : { database: { kind: 'postgres' as const, url: values.database } }),
      signing: signingOf(settings, data),
      upstreams,
      prefixes: (values.prefixes ?? []).map(normalizeProjectName),
      claims: claimsOf(settings, report),
      ...(values.reading === undefined ? {} : { reading: values.reading }),
      ...(values['read-only'] === undefined ? {} : { readOnly: values['read-only'] }),
      ...(values.offline === undefined ? {} : { offline: values.offline }),
      trustedProxies: values['trusted-proxies'] ?? [],
      ...(values['public-url'] === undefined ? {} : { publicUrl: values['public-url'] }),
      ...(values['accel-redirect'] === undefined ? {} : { accelRedirect: values['accel-redirect'] }),
      ...(values.metrics === undefined ? {} : { metrics: values.metrics }),
      log: {
        ...(values.log?.level === undefined ? {} : { level: values.log.level }),
        ...(values.log?.format === undefined ? {} : { format: values.log.format }),
        ...(values.log?.requests === undefined ? {} : { requests: values.log.requests }),
      },
      uploads: {
        ...(uploads['max-file-size'] === undefined ? {} : { maxFileSize: uploads['max-file-size'] }),
        ...(uploads['max-project-size'] === undefined ? {} : { maxProjectSize: uploads['max-project-size'] }),
        ...(uploads['release-window-days'] === undefined ? {} : { releaseWindowDays: uploads['release-window-days'] }),
      },
      retention: retentionOf(values),
      sentinel: sentinelOf(values, upstreams, report),
      webhooks: webhooksOf(settings, data, report),
      policy: policyOf(values),
    }),
  }
}

function offlineKeysOf(settings: Settings, data: string, report: Report): string {
  const { 'offline-keys': given } = settings.values
  if (given === undefined) return offlineFolderOf(data)
  const folder = settings.resolvePath(['offline-keys'], given)
  const inside = relative(data, folder)
  if (inside === '' || !(inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside))) {
    report(['offline-keys'], `stands inside the data folder ${data}, which a server reads; it has to be another one`)
  }
  return folder
}

function policyOf({ names = {} }: ConfigValues): ServerConfig['index']['policy'] {
  return {
    unclaimed: names.unclaimed ?? OPEN_DEFAULT.unclaimed,
    cooldown: Math.round(SECONDS_A_DAY * (names['cooldown-days'] ?? OPEN_DEFAULT.cooldown)),
    approvals: names.approvals ?? OPEN_DEFAULT.approvals,
  }
}

function retentionOf({ retention = {} }: ConfigValues): Partial<ServerConfig['index']['retention']> {
  const versions = retention['upstream-versions']
  const grace = retention['grace-hours']
  const superseded = retention['superseded-hours']
  const every = retention['every-hours']
  return {
    ...(versions === undefined ? {} : { upstreamVersions: versions }),
    ...(grace === undefined ? {} : { graceHours: grace }),
    ...(superseded === undefined ? {} : { supersededHours: superseded }),
    ...(every === undefined ? {} : { everyHours: every }),
  }
}

function sentinelOf(
  { sentinel = {} }: ConfigValues,
  upstreams: IndexConfig['upstreams'],
  report: Report,
): Partial<IndexConfig['sentinel']> {
  const { 'every-hours': everyHours, except } = sentinel
  for (const name of except ?? []) {
    if (upstreams.some((upstream) => upstream.name === name)) continue
    report(['sentinel', 'except'], `there is no upstream ${name}`)
  }
  return { ...(everyHours === undefined ? {} : { everyHours }), ...(except === undefined ? {} : { except }) }
}

function tlsOf(settings: Settings, report: Report): ServerConfig['tls'] {
  const { certificate, key } = settings.values.tls ?? {}
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined) {
    const [given, missing] = certificate === undefined ? ['key', 'certificate'] : ['certificate', 'key']
    report(['tls', given], `stands alone; [tls] needs a ${missing} too`)
    return undefined
  }
  return {
    certificate: settings.resolvePath(['tls', 'certificate'], certificate),
    key: settings.resolvePath(['tls', 'key'], key),
  }
}
