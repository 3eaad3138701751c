import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { PROBLEM_DETAIL_MAX, REASON_PHRASE_MAX } from '../limits.ts'
import { noteRefusal } from '../telemetry/request-record.ts'
import { preferredMediaType } from './negotiate.ts'
import { relativeRoot } from './path.ts'
import { foldReason } from './reason-phrase.ts'
import { refusalKind, type RefusalCode } from './refusal-catalogue.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** One refusal, as a route states it. */
export interface Refusal {
  readonly code: RefusalCode
  /** What happened, for people; without it the catalogue's title and help. */
  readonly detail?: string
  /** The explanation of this case, best relative to the request (`../../why/demo`). */
  readonly whyUrl?: string
  /** Seconds until it makes sense to try again. */
  readonly retryAfter?: number
  /** The WWW-Authenticate value of a 401; without it Basic with this server's realm. */
  readonly challenge?: string
  /** The methods that a 405 allows. */
  readonly allow?: readonly string[]
  /** Where a 308 points. */
  readonly location?: string
  /** The size that a 416 states. */
  readonly size?: number
}

const DEFAULT_CHALLENGE = 'Basic realm="waxseal", charset="UTF-8"'

/**
 * Refuses a read in the channels that pip (reason phrase) and uv (`application/problem+json`, RFC 9457, exactly that
 * type) show (behaviour.md section 0 and 7.3.7). Never cached (attacks.md CACHE-POIS). Works on a bare response of
 * HTTP/1.1; one whose headers are out already is cut off instead, so that no client takes it for complete.
 */
export function refuseRead(res: ServerResponse, req: IncomingMessage, refusal: Refusal): void {
  const { status, title } = refusalKind(refusal.code)
  const text = refusalText(refusal, PROBLEM_DETAIL_MAX)
  const problem = {
    type: `${relativeRoot(req.url ?? '/')}docs/errors/${refusal.code}`,
    title,
    status,
    detail: text,
    code: refusal.code,
    ...(refusal.whyUrl === undefined ? {} : { why: refusal.whyUrl }),
  }
  send(res, refusal, text, 'application/problem+json', `${JSON.stringify(problem)}\n`)
}

/**
 * Refuses under `/simple/`: plain text, as PyPI does (behaviour.md 2.1, 7.3.1), but a problem document for a client
 * whose Accept header speaks of JSON (current pip and uv do).
 */
export function refuseSimple(res: ServerResponse, req: IncomingMessage, refusal: Refusal): void {
  if (/json/i.test(req.headers.accept ?? '')) return refuseRead(res, req, refusal)
  const { status } = refusalKind(refusal.code)
  const text = refusalText(refusal, PROBLEM_DETAIL_MAX)
  const why = refusal.whyUrl === undefined ? '' : `See ${refusal.whyUrl}\n`
  send(res, refusal, text, 'text/plain; charset=UTF-8', `${status} ${STATUS_CODES[status] ?? ''}\n${text}\n${why}`)
}

/**
 * Refuses an upload as twine, Poetry, PDM and flit (reason phrase) and uv (`code` of an exactly `application/json`
 * body) show it (behaviour.md 1.2, 1.8). `code` is the status line, as on PyPI; our stable code is `reason`. Text or
 * HTML only for a client whose Accept header excludes JSON. With `end` by the caller the answer is whole, by its length,
 * and the connection stays.
 */
export function refuseUpload(
  res: ServerResponse,
  req: IncomingMessage,
  refusal: Refusal,
  end: 'now' | 'by-caller' = 'now',
): void {
  const { status, title } = refusalKind(refusal.code)
  const text = refusalText(refusal, REASON_PHRASE_MAX)
  const type = preferredMediaType(req.headers.accept, ['application/json', 'text/plain', 'text/html'])
  const line = `${status} ${text}`
  if (type === 'text/plain') return send(res, refusal, text, 'text/plain; charset=UTF-8', `${line}\n`, end)
  if (type === 'text/html') {
    return send(res, refusal, text, 'text/html; charset=UTF-8', `<!DOCTYPE html>\n<p>${escapeHtml(line)}</p>\n`, end)
  }
  const body = { code: line, message: text, title, reason: refusal.code }
  send(res, refusal, text, 'application/json', JSON.stringify(body), end)
}

function refusalText({ code, detail }: Refusal, max: number): string {
  const { title, help } = refusalKind(code)
  const text = detail === undefined || detail === '' ? `${title}. ${help}` : detail
  return (text.length <= max ? text : `${text.slice(0, max - 3)}...`).toWellFormed()
}

function send(
  res: ServerResponse,
  refusal: Refusal,
  text: string,
  contentType: string,
  content: string,
  end: 'now' | 'by-caller' = 'now',
): void {
  noteRefusal(res, refusal.code)
  if (res.headersSent) {
    res.destroy()
    return
  }
  const { status, title } = refusalKind(refusal.code)
  const body = Buffer.from(content)
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  headers.push(...SECURITY_HEADERS)
  if (refusal.whyUrl !== undefined) headers.push('Link', `<${headerUrl(refusal.whyUrl)}>; rel="help"`)
  if (refusal.retryAfter !== undefined) headers.push('Retry-After', String(Math.max(0, Math.ceil(refusal.retryAfter))))
  if (status === 401) headers.push('WWW-Authenticate', refusal.challenge ?? DEFAULT_CHALLENGE)
  if (refusal.allow !== undefined) headers.push('Allow', refusal.allow.join(', '))
  if (refusal.size !== undefined) headers.push('Content-Range', `bytes */${refusal.size}`)
  if (refusal.location !== undefined) headers.push('Location', headerUrl(refusal.location))
  res.writeHead(status, foldReason(text) || title, headers)
  // Node drops the body of an answer to HEAD by itself and keeps its length.
  if (end === 'now') res.end(body)
  else res.write(body)
}

/** A reference that can neither leave its header nor the angle brackets of a Link. */
function headerUrl(url: string): string {
  return url.toWellFormed().replaceAll(/[^!-~]|[<>"\\^`{|}]/gu, (character) => {
    return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}

const HTML_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
])

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => HTML_ESCAPES.get(character) ?? '')
}
