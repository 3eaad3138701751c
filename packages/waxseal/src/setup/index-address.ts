import { get } from 'node:http'
import { CommandError } from '../command-error.ts'
import type { ServerConfig } from '../config/load.ts'
import { EXIT_ENVIRONMENT, EXIT_USAGE } from '../exit-codes.ts'
import type { IndexAddress } from './setup-plan.ts'

/** Until a server on this machine says that it is there. */
const PROBE_TIMEOUT_MS = 2000
/** What health says fits in here many times. */
const PROBE_BYTES = 4096
/** A path with nothing that a shell, an INI file or a Dockerfile would read in its own way. */
const PLAIN_PATH = /^[\w./~%@:-]*$/

/** Takes the address of an index apart; with or without `simple/` at its end. Throws CommandError `url-invalid`. */
export function indexAddress(text: string): IndexAddress {
  const parsed = URL.parse(text.trim())
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw invalid(`--url wants an http or https URL, for example https://packages.example/; not "${text}".`)
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid(
      '--url must hold no credentials: whoever lists processes would read them. Give a token with --token-file.',
    )
  }
  if (parsed.search !== '' || parsed.hash !== '' || !PLAIN_PATH.test(parsed.pathname)) {
    throw invalid('--url must end with its path, of letters, digits and -._~/ only.')
  }
  const url = `${parsed.origin}${parsed.pathname.replace(/\/+$/, '').replace(/\/(?:simple|legacy)$/, '')}`
  const hostname = parsed.hostname.replace(/^\[|\]$/g, '')
  const local = hostname === 'localhost' || hostname.endsWith('.localhost') || /^(?:127\.|::1$)/.test(hostname)
  return {
    url,
    simple: `${url}/simple/`,
    legacy: `${url}/legacy/`,
    hostname,
    local,
    insecure: parsed.protocol === 'http:' && !local,
  }
}

/**
 * Where the configured index is: its public URL, else the server that runs here by this configuration. Throws
 * CommandError `url-unknown` with what to say instead.
 */
export async function configuredAddress({ listen, tls, index }: ServerConfig): Promise<IndexAddress> {
  if (index.publicUrl !== undefined) return indexAddress(index.publicUrl)
  const say = 'Say --url https://packages.example/, or set public-url in waxseal.toml.'
  if (tls !== undefined) throw unknown(`The name in the certificate is not known here. ${say}`)
  const tried: string[] = []
  for (const { host, port } of listen) {
    const place = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
    const url = `http://${place.includes(':') ? `[${place}]` : place}:${port}`
    if (port !== 0 && (await answers(url))) return indexAddress(url)
    tried.push(url)
  }
  throw unknown(`Where is the index? None answers at ${tried.join(' or ')}. ${say}`)
}

/** Whether a Waxseal says there that it is well. */
async function answers(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const request = get(`${url}/-/health`, { timeout: PROBE_TIMEOUT_MS }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.length > PROBE_BYTES) request.destroy()
    })
    response.on('end', () => resolve(response.statusCode === 200 && text.includes('"status"')))
    response.on('error', () => resolve(false))
  })
  request.on('timeout', () => request.destroy())
  request.on('error', () => resolve(false))
  request.on('close', () => resolve(false))
  return promise
}

function invalid(message: string): CommandError {
  return new CommandError('url-invalid', message, EXIT_USAGE)
}

function unknown(message: string): CommandError {
  return new CommandError('url-unknown', message, EXIT_ENVIRONMENT)
}
