import { trustedProxies } from '@waxseal/index'
import { isNamePattern, UNCLAIMED_MODES } from '@waxseal/index/names'
import { normalizeProjectName } from '@waxseal/packaging'
import { readSignerConfig, TrustError } from '@waxseal/trust'
import { z } from 'zod'
import { DEFAULT_LISTEN } from './defaults.ts'

/** Where to listen; port 0 picks a free one. */
export interface ListenAddress {
  /** A name or an address, without brackets; empty: every address. */
  readonly host: string
  readonly port: number
}

const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]*)):(\d{1,5})$/
/**
 * An upstream's name stands in tables, URLs and log lines; `local` means the files uploaded here. Digits alone would lose
 * their place in the order: JavaScript sorts such keys.
 */
const UPSTREAM_NAME = /^(?!local$|\d+$)[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

/** Reads `HOST:PORT` or `[IPV6]:PORT`; undefined when it is neither. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = LISTEN.exec(text)
  const port = Number(match?.[3])
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text)
  return url?.protocol === 'http:' || url?.protocol === 'https:'
}

function hasCredentials(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.username !== '' || url.password !== '')
}

/** No text of these is repeated in a message where it may hold a password. */
export const listenAddress = z.string().refine((text) => parseListen(text) !== undefined, {
  error: ({ input }) => `wants HOST:PORT, for example ${DEFAULT_LISTEN} or [::]:8417; not ${JSON.stringify(input)}`,
})
export const httpUrl = z
  .string()
  .refine(isHttpUrl, { error: 'wants an http or https URL, for example https://packages.example/' })
export const upstreamUrl = httpUrl.refine((text) => !/[?#]/.test(text), {
  error: 'must end with its path: no ? and no #',
})
export const origin = httpUrl.refine((text) => URL.parse(text)?.pathname === '/' && !/[?#@]/.test(text), {
  error: 'wants an origin, for example https://files.example:8443, without a path',
})
export const postgresUrl = z.string().refine((text) => /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text), {
  error: 'wants postgres://user@host/name; SQLite needs no setting',
})
export const prefix = z.string().refine(isName, {
  error: ({ input }) => `${JSON.stringify(input)} cannot be the beginning of a project's name`,
})
const unclaimedTable = z.strictObject({
  pattern: z.string().refine(isNamePattern, {
    error: ({ input }) => `wants a name in normal form, PREFIX-* or *; not ${JSON.stringify(input)}`,
  }),
  mode: z.enum(UNCLAIMED_MODES),
})
/** A table, or `PATTERN=MODE` where only text can stand, as in the environment. */
export const unclaimedRule = z.preprocess((value) => {
  if (typeof value !== 'string') return value
  const equals = value.lastIndexOf('=')
  return equals < 1 ? value : { pattern: value.slice(0, equals), mode: value.slice(equals + 1) }
}, unclaimedTable)
export const proxyAddress = z.string().refine((entry) => trustedProxies([entry]).kind === 'proxies', {
  error: ({ input }) => `${JSON.stringify(input)} is neither an address nor a network, for example 10.0.0.0/8`,
})
export const upstreamName = z.string().refine((name) => UPSTREAM_NAME.test(name), {
  error: ({ input }) =>
    `${JSON.stringify(input)} cannot name an upstream: use lower-case letters, digits and "-", at least one letter, at most 40, and not "local"`,
})
const WEBHOOK_NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
export const webhookName = z.string().refine((name) => WEBHOOK_NAME.test(name), {
  error: ({ input }) =>
    `${JSON.stringify(input)} cannot name a webhook: use lower-case letters, digits and "-", at most 40`,
})
export const webhookUrl = httpUrl.refine((text) => !/[#]/.test(text) && !hasCredentials(text), {
  error: 'must hold no user name, no password and no #',
})
/** Where a private key is; nothing of the text is repeated, since somebody may have put a secret there. */
export const keyAddress = z.string().superRefine((text, context) => {
  try {
    readSignerConfig(text)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
})
export const path = z.string().min(1, { error: 'wants a path; it is empty' })

function isName(text: string): boolean {
  try {
    return normalizeProjectName(text) !== ''
  } catch {
    return false
  }
}
