import { mayAdminister, mayRead } from '../access/permissions.ts'
import type { Requester } from '../access/permissions.ts'
import type { Readiness } from '../telemetry/readiness.ts'
import type { IndexStatus } from '../telemetry/index-status.ts'
import type { EventsRoute } from './events-route.ts'
import type { Exchange } from './exchange.ts'
import { refuseRead } from './refuse.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

export interface OperationParts {
  readonly readiness: Readiness
  /** Everything that is counted, in Prometheus' text format; cheap to ask for. */
  readonly metricsText: () => Promise<string>
  /** `token`: for whoever may read the whole index; `off`: for nobody. */
  readonly metricsAccess: 'public' | 'token' | 'off'
  readonly version: string
  readonly events: EventsRoute
  readonly status: () => Promise<IndexStatus>
}

/** `/-/health`: the process lives. Looks at nothing, so that a database that hangs does not get the server restarted. */
export function serveHealth({ version }: OperationParts, exchange: Exchange): void {
  sendDocument(exchange, 200, 'application/json', JSON.stringify({ status: 'ok', version }))
}

/** `/-/ready`: whether requests should come here, and what is wrong, check by check. */
export async function serveReady({ readiness }: OperationParts, exchange: Exchange): Promise<void> {
  if (readiness.isStopping) return refuseRead(exchange.res, exchange.req, { code: 'stopping' })
  const report = await readiness.report()
  const status = report.status === 'not-ready' ? 503 : 200
  sendDocument(exchange, status, 'application/json', JSON.stringify(report))
}

/** `/metrics` in Prometheus' text format. */
export async function serveMetrics(parts: OperationParts, exchange: Exchange, who: Requester): Promise<void> {
  const { req, res } = exchange
  const { metricsText, metricsAccess } = parts
  if (metricsAccess === 'off') return refuseRead(res, req, { code: 'not-found' })
  if (metricsAccess === 'token' && !mayRead(who, null, 'private')) {
    return refuseRead(res, req, { code: who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' })
  }
  sendDocument(exchange, 200, 'text/plain; version=0.0.4; charset=utf-8', await metricsText())
}

/** `/api/v1/status`: what `waxseal status` says, for administrators. */
export async function serveStatus({ status }: OperationParts, exchange: Exchange, who: Requester): Promise<void> {
  if (!mayAdminister(who, null)) {
    const code = who.kind === 'anonymous' ? 'unauthorized' : 'token-scope'
    return refuseRead(exchange.res, exchange.req, { code })
  }
  sendDocument(exchange, 200, 'application/json', JSON.stringify(await status()))
}

function sendDocument({ req, res }: Exchange, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text)
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  res.writeHead(status, [...headers, ...SECURITY_HEADERS])
  if (req.method === 'HEAD') res.end()
  else res.end(body)
}
