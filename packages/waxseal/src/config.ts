import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { IndexConfig, UpstreamConfig } from '@waxseal/index'
import { indexDefaults, upstreamDefaults } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import { parse, TomlError } from 'smol-toml'
import { z } from 'zod'
import { CommandError } from './command-error.ts'
import { EXIT_USAGE } from './exit-codes.ts'

/** Where the first administrator finds everything: PyPI behind the index, unless told otherwise. */
export const DEFAULT_UPSTREAM = { name: 'pypi', url: 'https://pypi.org/simple/' } as const
export const DEFAULT_LISTEN = '127.0.0.1:8417'
export const DEFAULT_DATA = './waxseal-data'

/** An upstream's name stands in tables, URLs and log lines; `local` means the files uploaded here. */
const UPSTREAM_NAME = /^(?!local$)[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

const upstreamSchema = z.strictObject({
  url: z.string(),
  username: z.string().optional(),
  'password-file': z.string().optional(),
  'token-file': z.string().optional(),
  'ca-file': z.string().optional(),
  proxy: z.string().optional(),
  'also-allow': z.array(z.string()).optional(),
  'local-versions': z.boolean().optional(),
  'refresh-seconds': z.number().int().min(0).max(86_400).optional(),
  'negative-seconds': z.number().int().min(0).max(86_400).optional(),
  'first-byte-timeout-seconds': z.number().min(0.1).max(600).optional(),
  'min-bytes-per-second': z.number().int().min(1).optional(),
  'max-file-size': z.number().int().min(1).optional(),
})

/** The configuration file. Every key is optional; an unknown one is an error, so that a typo never passes silently. */
export const configSchema = z.strictObject({
  data: z.string().optional(),
  listen: z.string().optional(),
  database: z.string().optional(),
  'public-url': z.url({ protocol: /^https?$/ }).optional(),
  reading: z.enum(['public', 'private']).optional(),
  prefixes: z.array(z.string()).optional(),
  'trusted-proxies': z.array(z.string()).optional(),
  'accel-redirect': z.string().optional(),
  uploads: z
    .strictObject({
      'max-file-size': z.number().int().min(1).optional(),
      'max-project-size': z.number().int().min(1).optional(),
      'release-window-days': z.number().int().min(1).optional(),
    })
    .optional(),
  /** In the order in which an undecided name is looked for. */
  upstream: z.record(z.string(), upstreamSchema).optional(),
})

type ConfigFile = z.infer<typeof configSchema>

/** What the command line may say about the server; it wins over the file. */
export interface ConfigOptions {
  readonly config?: string
  readonly data?: string
  readonly listen?: string
  readonly upstream?: readonly string[]
  /** False: `--no-upstream`. */
  readonly upstreams?: boolean
  readonly prefix?: readonly string[]
  readonly private?: boolean
}

export interface ServerConfig {
  readonly listen: { readonly host: string; readonly port: number }
  readonly index: IndexConfig
}

/** Reads file, environment and options into one validated configuration. Throws CommandError `config-invalid`. */
export function loadConfig(options: ConfigOptions, env: NodeJS.ProcessEnv): ServerConfig {
  const file = readConfigFile(options.config)
  const data = resolve(options.data ?? env['WAXSEAL_DATA'] ?? file.data ?? DEFAULT_DATA)
  const database = env['WAXSEAL_DATABASE'] ?? file.database
  const adminToken = env['WAXSEAL_ADMIN_TOKEN']
  const uploads = file.uploads ?? {}
  return {
    listen: parseListen(options.listen ?? env['WAXSEAL_LISTEN'] ?? file.listen ?? DEFAULT_LISTEN),
    index: indexDefaults(data, {
      ...(database === undefined ? {} : { database: { kind: 'postgres' as const, url: postgresUrl(database) } }),
      upstreams: upstreamsOf(options, file),
      prefixes: (options.prefix ?? file.prefixes ?? []).map(normalizeProjectName),
      reading: options.private === true ? 'private' : (file.reading ?? 'public'),
      trustedProxies: file['trusted-proxies'] ?? [],
      ...(file['public-url'] === undefined ? {} : { publicUrl: file['public-url'] }),
      ...(file['accel-redirect'] === undefined ? {} : { accelRedirect: file['accel-redirect'] }),
      ...(adminToken === undefined || adminToken === '' ? {} : { adminToken }),
      uploads: {
        ...(uploads['max-file-size'] === undefined ? {} : { maxFileSize: uploads['max-file-size'] }),
        ...(uploads['max-project-size'] === undefined ? {} : { maxProjectSize: uploads['max-project-size'] }),
        ...(uploads['release-window-days'] === undefined ? {} : { releaseWindowDays: uploads['release-window-days'] }),
      },
    }),
  }
}

function invalid(message: string, cause?: unknown): CommandError {
  return new CommandError('config-invalid', message, EXIT_USAGE, { cause })
}

function readConfigFile(path: string | undefined): ConfigFile {
  const chosen = path ?? (existsSync('waxseal.toml') ? 'waxseal.toml' : undefined)
  if (chosen === undefined) return {}
  let raw: unknown
  try {
    raw = parse(readFileSync(chosen, 'utf8'))
  } catch (error) {
    if (error instanceof TomlError)
      throw invalid(`${chosen}, line ${error.line}: ${error.message.split('\n')[0]}`, error)
    throw invalid(
      `The configuration file ${chosen} cannot be read: ${error instanceof Error ? error.message : ''}`,
      error,
    )
  }
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) throw invalid(`${chosen}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw invalid(`--listen wants HOST:PORT, for example ${DEFAULT_LISTEN}; not "${text}".`)
  return { host: match[1] ?? match[2] ?? '', port }
}

function postgresUrl(text: string): string {
  if (!/^postgres(?:ql)?:\/\//.test(text))
    throw invalid('The database is given as postgres://user@host/name; SQLite needs no setting.')
  return text
}

function upstreamsOf(options: ConfigOptions, file: ConfigFile): readonly UpstreamConfig[] {
  if (options.upstreams === false) return []
  if (options.upstream !== undefined) return unique(options.upstream.map(upstreamOption))
  if (file.upstream !== undefined) {
    return unique(Object.entries(file.upstream).map(([name, settings]) => upstreamSettings(name, settings)))
  }
  return [upstreamDefaults(DEFAULT_UPSTREAM.name, DEFAULT_UPSTREAM.url)]
}

function unique(upstreams: readonly UpstreamConfig[]): readonly UpstreamConfig[] {
  const names = new Set<string>()
  for (const { name } of upstreams) {
    if (names.has(name)) throw invalid(`The upstream ${name} is given twice.`)
    names.add(name)
  }
  return upstreams
}

function upstreamName(name: string): string {
  if (!UPSTREAM_NAME.test(name)) {
    throw invalid(
      `"${name}" cannot name an upstream: use lower-case letters, digits and "-", at most 40, and not "local".`,
    )
  }
  return name
}

function upstreamOption(text: string): UpstreamConfig {
  const equals = text.indexOf('=')
  if (equals < 1) throw invalid(`--upstream wants NAME=URL, for example pypi=${DEFAULT_UPSTREAM.url}`)
  return upstreamDefaults(upstreamName(text.slice(0, equals)), text.slice(equals + 1))
}

function secretFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw invalid(`The file ${path} cannot be read.`, error)
  }
}

function upstreamSettings(name: string, settings: z.infer<typeof upstreamSchema>): UpstreamConfig {
  const password = secretFile(settings['password-file'])
  const token = secretFile(settings['token-file'])
  const ca = secretFile(settings['ca-file'])
  const firstByte = settings['first-byte-timeout-seconds']
  return upstreamDefaults(upstreamName(name), settings.url, {
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
    ...(settings.proxy === undefined ? {} : { proxy: settings.proxy }),
    ...(settings['also-allow'] === undefined ? {} : { alsoAllow: settings['also-allow'] }),
    ...(settings['local-versions'] === undefined ? {} : { localVersions: settings['local-versions'] }),
    ...(settings['refresh-seconds'] === undefined ? {} : { refreshSeconds: settings['refresh-seconds'] }),
    ...(settings['negative-seconds'] === undefined ? {} : { negativeSeconds: settings['negative-seconds'] }),
    ...(firstByte === undefined ? {} : { firstByteTimeoutMs: firstByte * 1000 }),
    ...(settings['max-file-size'] === undefined ? {} : { maxFileBytes: settings['max-file-size'] }),
    ...(settings['min-bytes-per-second'] === undefined ? {} : { minBytesPerSecond: settings['min-bytes-per-second'] }),
  })
}
