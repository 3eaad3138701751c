import type { IncomingMessage, ServerResponse } from 'node:http'
import { forTerminal } from '@waxseal/packaging/names'
import type { GuardError } from './error.ts'
import { MAX_REASON_PHRASE } from './limits.ts'

/**
 * Says no by all the ways that clients show to people (behaviour.md section 0): the reason phrase for pip and its kin, a problem
 * document for uv. Always 4xx: what is refused stays so, and pip tries 5xx six times.
 */
export function refuse(req: IncomingMessage, res: ServerResponse, status: number, error: GuardError): void {
  if (res.headersSent) {
    // What was sent so far must not look whole.
    res.destroy()
    return
  }
  const body = JSON.stringify({
    type: 'about:blank',
    // uv shows it as it is.
    title: forTerminal(error.message),
    detail: `waxseal guard: ${error.code}`,
    status,
    code: error.code,
  })
  res.writeHead(status, reasonPhrase(`waxseal: ${error.code}: ${error.message}`), {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}

/** Node refuses all but printable Latin-1 there; a reason in ASCII reads the same everywhere. */
function reasonPhrase(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_REASON_PHRASE)
}
