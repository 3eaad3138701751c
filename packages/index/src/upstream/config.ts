import { IndexError } from '../error.ts'
import {
  CIRCUIT_FAILURES,
  CIRCUIT_MAX_OPEN_MS,
  CIRCUIT_MIN_OPEN_MS,
  UPSTREAM_CONNECT_TIMEOUT_MS,
  UPSTREAM_FILE_DEADLINE_MS,
  UPSTREAM_FIRST_BYTE_TIMEOUT_MS,
  UPSTREAM_FLOOR_WINDOW_MS,
  UPSTREAM_MAX_FILE_BYTES,
  UPSTREAM_MAX_PAGE_BYTES,
  UPSTREAM_MIN_BYTES_PER_SECOND,
  UPSTREAM_NEGATIVE_SECONDS,
  UPSTREAM_PAGE_DEADLINE_MS,
  UPSTREAM_REFRESH_SECONDS,
} from '../limits.ts'

/** One remote index, as the administrator configured it. Times in milliseconds unless named otherwise, sizes in bytes. */
export interface UpstreamConfig {
  readonly name: string
  /** The base under which `<project>/` stands: http or https, ends with a slash, holds no credentials. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** Sent as a bearer token, instead of a user name and password. */
  readonly token?: string
  /** Certificate authorities to trust in place of the system's, in PEM. */
  readonly ca?: string
  /** URL of an HTTP proxy that everything for this upstream goes through. */
  readonly proxy?: string
  /** Further origins (`https://host:port`) that may be private or plain http; they never get the credentials. */
  readonly alsoAllow: readonly string[]
  /** Whether its files may have local version labels (`1.0+cu118`); PyPI's may not (design.md section 8, attacks.md DC-6). */
  readonly localVersions: boolean
  /** How long a page counts as fresh. */
  readonly refreshSeconds: number
  /** How long an absent name is not asked for again. */
  readonly negativeSeconds: number
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly minBytesPerSecond: number
  readonly floorWindowMs: number
  readonly pageDeadlineMs: number
  readonly fileDeadlineMs: number
  readonly maxPageBytes: number
  readonly maxFileBytes: number
  readonly circuitFailures: number
  readonly circuitMinOpenMs: number
  readonly circuitMaxOpenMs: number
}

/**
 * An upstream with every setting at its default but `settings`. Credentials that stand in `url` are moved out of it,
 * so that no log line or error message shows them. Throws IndexError `config-invalid`.
 */
export function upstreamDefaults(
  name: string,
  url: string,
  settings: Partial<Omit<UpstreamConfig, 'name' | 'url'>> = {},
): UpstreamConfig {
  const base = httpUrl(url, `The URL of the upstream ${JSON.stringify(name)}`)
  const credentials = takeCredentials(base)
  if (base.search !== '' || base.hash !== '') {
    throw new IndexError('config-invalid', `The URL of the upstream ${JSON.stringify(name)} must end with its path.`)
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return {
    name,
    url: base.href,
    ...credentials,
    localVersions: base.hostname !== 'pypi.org',
    refreshSeconds: UPSTREAM_REFRESH_SECONDS,
    negativeSeconds: UPSTREAM_NEGATIVE_SECONDS,
    connectTimeoutMs: UPSTREAM_CONNECT_TIMEOUT_MS,
    firstByteTimeoutMs: UPSTREAM_FIRST_BYTE_TIMEOUT_MS,
    minBytesPerSecond: UPSTREAM_MIN_BYTES_PER_SECOND,
    floorWindowMs: UPSTREAM_FLOOR_WINDOW_MS,
    pageDeadlineMs: UPSTREAM_PAGE_DEADLINE_MS,
    fileDeadlineMs: UPSTREAM_FILE_DEADLINE_MS,
    maxPageBytes: UPSTREAM_MAX_PAGE_BYTES,
    maxFileBytes: UPSTREAM_MAX_FILE_BYTES,
    circuitFailures: CIRCUIT_FAILURES,
    circuitMinOpenMs: CIRCUIT_MIN_OPEN_MS,
    circuitMaxOpenMs: CIRCUIT_MAX_OPEN_MS,
    ...settings,
    alsoAllow: (settings.alsoAllow ?? []).map((origin) => httpUrl(origin, `The further origin ${origin}`).origin),
  }
}

/** What goes into the Authorization header for the upstream's own origin, if anything. */
export function authorizationOf(config: UpstreamConfig): string | undefined {
  if (config.token !== undefined) return `Bearer ${config.token}`
  if (config.username === undefined && config.password === undefined) return undefined
  return `Basic ${Buffer.from(`${config.username ?? ''}:${config.password ?? ''}`).toString('base64')}`
}

function takeCredentials(url: URL): { username?: string; password?: string } {
  const { username, password } = url
  url.username = ''
  url.password = ''
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  }
}

function httpUrl(text: string, what: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new IndexError('config-invalid', `${what} must be an http or https URL.`)
}
