import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { TrustError } from '../error.ts'
import {
  KEY_SERVICE_ATTEMPTS,
  KEY_SERVICE_BACKOFF_MS,
  KEY_SERVICE_TIMEOUT_MS,
  MAX_KEY_SERVICE_ANSWER,
  MAX_SETTINGS_FILE,
} from '../limits.ts'
import { readSmallFile } from './read-file.ts'

/** What is sent to a key service. */
export interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
}

export interface ServiceAnswer {
  readonly status: number
  readonly body: Uint8Array
}

/** How a service is reached. */
export interface ServiceConnection {
  /** In messages: `Vault`. */
  readonly name: string
  /** Certificate authorities in PEM, instead of those that Node trusts. */
  readonly ca?: string | undefined
  /** Besides a server's errors and 429, which answers only mean "later". */
  readonly isBusy?: (answer: ServiceAnswer) => boolean
}

/** Of limits.ts; shorter in tests of exactly these. */
export interface ServicePatience {
  readonly timeoutMs: number
  readonly attempts: number
  readonly backoffMs: number
}

const PATIENCE: ServicePatience = {
  timeoutMs: KEY_SERVICE_TIMEOUT_MS,
  attempts: KEY_SERVICE_ATTEMPTS,
  backoffMs: KEY_SERVICE_BACKOFF_MS,
}

/**
 * Sends a request to a service that keeps keys, and again while it is busy, fails or does not answer: signing twice does no
 * harm. `make` is called for each try, because some requests are signed with the time. Follows no redirect, which would take
 * a token elsewhere. `node:https`, since `fetch` cannot be given a certificate authority (decision 18).
 * @throws TrustError `signer-failed` when no try brought an answer
 */
export async function askService(
  connection: ServiceConnection,
  make: () => ServiceRequest | Promise<ServiceRequest>,
  patience: ServicePatience = PATIENCE,
): Promise<ServiceAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const request = await make()
    const last = attempt === patience.attempts
    try {
      const answer = await send(request, connection.ca, patience.timeoutMs)
      const busy = answer.status >= 500 || answer.status === 429 || connection.isBusy?.(answer) === true
      if (!busy || last) return answer
    } catch (cause) {
      if (last || !isPassing(cause)) throw unreachable(connection.name, request.url, cause)
    }
    await setTimeout(patience.backoffMs * 2 ** (attempt - 1))
  }
}

/**
 * An address that requests may go to: https, or http on this very machine, where an agent may stand.
 * @throws TrustError `signer-failed`
 */
export function serviceAddress(text: string, name: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new TrustError('signer-failed', `The address of ${name} is no URL of the form https://HOST: write it so.`)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TrustError('signer-failed', `The address of ${name} holds more than host and path: leave the rest out.`)
  }
  if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname)) {
    throw new TrustError(
      'signer-failed',
      `The address of ${name} is http://, which everybody on the way reads: use https://.`,
    )
  }
  return url
}

/** The certificate authorities of a PEM file, where one is named. @throws TrustError `signer-failed` */
export async function readAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  const { bytes } = await readSmallFile(path, MAX_SETTINGS_FILE, 'The file of certificate authorities')
  return Buffer.from(bytes).toString('latin1')
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

class AnswerTooLarge extends Error {}

async function send(request: ServiceRequest, ca: string | undefined, timeoutMs: number): Promise<ServiceAnswer> {
  const { method, url, headers, body } = request
  const { promise, resolve, reject } = Promise.withResolvers<ServiceAnswer>()
  const options = { method, headers, signal: AbortSignal.timeout(timeoutMs) }
  const sent =
    url.protocol === 'https:'
      ? requestHttps(url, ca === undefined ? options : { ...options, ca })
      : requestHttp(url, options)
  sent.once('error', reject)
  sent.once('response', (response) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_KEY_SERVICE_ANSWER) response.destroy(new AnswerTooLarge())
      else chunks.push(chunk)
    })
    response.once('error', reject)
    response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
  })
  sent.end(body)
  return promise
}

/** Whether another try may go better: a wrong certificate or host name stays wrong. */
function isPassing(cause: unknown): boolean {
  return !(cause instanceof AnswerTooLarge) && !/CERT|TLS|ALTNAME|SIGNATURE|ENOTFOUND/.test(codeOf(cause))
}

function unreachable(name: string, url: URL, cause: unknown): TrustError {
  const where = `${name} at ${url.origin}`
  if (cause instanceof AnswerTooLarge) {
    return new TrustError('signer-failed', `${where} answers without end: see what really answers there.`, { cause })
  }
  const code = codeOf(cause)
  const advice = /CERT|TLS|ALTNAME|SIGNATURE/.test(code)
    ? 'say which authority signed its certificate, or mend the certificate'
    : 'see whether it runs, and whether this machine may reach it'
  return new TrustError('signer-failed', `${where} cannot be reached (${code}): ${advice}.`, { cause })
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown error'
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError') return 'no answer in time'
  return 'code' in cause ? String(cause.code) : cause.name
}
