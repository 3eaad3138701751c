import type { IncomingMessage, ServerResponse } from 'node:http'
import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import { actorOf } from '../access/actor.ts'
import type { Authenticator } from '../access/authenticator.ts'
import type { BackgroundWork } from '../background-work.ts'
import { mayRead, mayReadMetadata } from '../access/permissions.ts'
import type { Requester } from '../access/permissions.ts'
import type { ClientAddress } from './client-address.ts'
import type { DocsSite } from './docs-site.ts'
import { serveDocs } from './docs-route.ts'
import type { Asker, DocumentsParts } from './documents-app.ts'
import type { Exchange } from './exchange.ts'
import { failureRefusal } from './failure-refusal.ts'
import { serveFile } from './files-route.ts'
import type { FilesParts } from './files-route.ts'
import { recent } from '../telemetry/recent.ts'
import type { RequestLog } from '../telemetry/request-log.ts'
import { noteFailure, noteRoute, recordOf } from '../telemetry/request-record.ts'
import { serveHealth, serveMetrics, serveReady, serveStatus } from './operation-routes.ts'
import type { OperationParts } from './operation-routes.ts'
import { isNamespaceEndpoint } from './namespace-endpoints.ts'
import { parseTarget } from './path.ts'
import type { RequestPath } from './path.ts'
import { refuseRead } from './refuse.ts'
import { identify } from './requester.ts'
import { serveSimple } from './simple-route.ts'
import type { SimpleParts } from './simple-route.ts'
import { readTufPath } from './tuf-path.ts'
import type { TufPath } from './tuf-path.ts'
import { serveTuf } from './tuf-route.ts'
import type { TufParts } from './tuf-route.ts'
import { refuseAndDrain, serveUpload } from './upload-route.ts'
import type { UploadParts } from './upload-route.ts'

export interface HandlerParts {
  readonly authenticator: Authenticator
  readonly reading: 'public' | 'private'
  /** Set where no upload is taken, before a byte of it is. */
  readonly readOnly: boolean
  readonly clientAddress: ClientAddress
  readonly simple: SimpleParts
  readonly files: FilesParts
  readonly tuf: TufParts
  readonly upload: UploadParts
  readonly documents: DocumentsParts
  /** The documentation; without it `/docs/` says how to build it. */
  readonly docs: DocsSite | undefined
  readonly requests: RequestLog
  readonly operation: OperationParts
  readonly background: BackgroundWork
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** Every request comes through here: parse, identify, one route, and a refusal for whatever went wrong. */
export function createHandler(parts: HandlerParts): Handler {
  // Most servers are asked for pages and files only: the rest is loaded when it is wanted. A failure is not kept.
  const documents = recent(Number.POSITIVE_INFINITY, async () => {
    const { documentsHandler } = await import('./documents-app.ts')
    return documentsHandler(parts.documents)
  })
  return (req, res) => {
    // The peer may go at any time; what it left unfinished is for the routes to notice.
    req.on('error', () => undefined)
    res.on('error', () => undefined)
    const record = parts.requests.begin(req, res)
    const path = parseTarget(req.url ?? '/')
    if (path.kind === 'refused') return refuseRead(res, req, path)
    record.segments = path.segments
    const exchange: Exchange = { req, res, path }
    const answered = dispatch(parts, exchange, async (asker) => {
      const answer = await documents()
      await answer(req, res, asker)
    })
    // A client that leaves, or is cut off at the end, ends nothing of what was begun for it.
    if (answered !== undefined) void parts.background.add(answered.catch((error: unknown) => fail(exchange, error)))
  }
}

type Documents = (asker: Asker) => Promise<void>

function dispatch(parts: HandlerParts, exchange: Exchange, documents: Documents): Promise<void> | undefined {
  const { path } = exchange
  switch (path.segments[0]) {
    case 'simple':
      return read(parts, exchange, subjectOfPage(path), () => serveSimple(parts.simple, exchange))
    case 'files':
      return read(parts, exchange, projectOf(path.segments), () => serveFile(parts.files, exchange))
    case 'tuf': {
      const asked = readTufPath(path.segments.slice(1))
      return read(parts, exchange, subjectOf(asked), () => serveTuf(parts.tuf, exchange, asked))
    }
    case 'legacy':
      return upload(parts, exchange)
    case 'docs':
      return serveDocs(parts.docs, exchange)
    default:
      return anyDocument(parts, exchange, documents)
  }
}

/** Pages, files and metadata. On a private index credentials come before any look at a name (attacks.md DC-10b, ENUM). */
function read(
  parts: HandlerParts,
  exchange: Exchange,
  subject: Subject,
  serve: () => Promise<void>,
): Promise<void> | undefined {
  const { req, res, path } = exchange
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    const detail =
      path.segments[0] === 'simple' ? 'Uploads go to /legacy/; /simple/ is the address to install from.' : undefined
    refuseRead(res, req, {
      code: 'method-not-allowed',
      allow: ['GET', 'HEAD'],
      ...(detail === undefined ? {} : { detail }),
    })
    return undefined
  }
  if (parts.reading === 'public') return serve()
  return identified(parts, exchange, async (who) => {
    const allowed =
      subject.kind === 'metadata' ? mayReadMetadata(who, parts.reading) : mayRead(who, subject.project, parts.reading)
    if (allowed) return serve()
    refuseRead(res, req, { code: who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' })
  })
}

/** What a request is about, for the right to it: a project, several of them (null), or signed metadata, which names them all. */
type Subject = { readonly kind: 'project'; readonly project: string | null } | { readonly kind: 'metadata' }

function projectOf([, project]: readonly string[]): Subject {
  return { kind: 'project', project: project === undefined ? null : normalForm(project) }
}

function subjectOfPage({ segments, trailingSlash }: RequestPath): Subject {
  return isNamespaceEndpoint(segments.slice(1), trailingSlash)
    ? { kind: 'project', project: null }
    : projectOf(segments)
}

function subjectOf(asked: TufPath | undefined): Subject {
  if (asked?.kind === 'page' || asked?.kind === 'file') return { kind: 'project', project: normalForm(asked.project) }
  return { kind: 'metadata' }
}

/** What a token's project is compared with; an invalid name stays what it is, and is nobody's. */
function normalForm(project: string): string {
  return isValidProjectName(project) ? normalizeProjectName(project) : project
}

async function upload(parts: HandlerParts, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange
  if (path.segments.length > 1) return refuseRead(res, req, { code: 'not-found' })
  if (req.method !== 'POST') {
    return refuseRead(res, req, {
      code: 'method-not-allowed',
      allow: ['POST'],
      detail: 'This is the address for uploads (POST); install from /simple/.',
    })
  }
  if (!path.trailingSlash) return refuseAndDrain(exchange, { code: 'upload-slash', location: 'legacy/' })
  if (parts.readOnly) return refuseAndDrain(exchange, { code: 'read-only' })
  const address = parts.clientAddress(req)
  const who = await identify(parts.authenticator, req, address)
  noteRequester(res, who)
  switch (who.kind) {
    case 'anonymous':
      return refuseAndDrain(exchange, { code: 'unauthorized' })
    case 'refused':
      // 403 as on PyPI: twine asks nobody again, and the sentence reaches the terminal (behaviour.md 7.3.11).
      return refuseAndDrain(
        exchange,
        who.refusal.code === 'invalid-credentials' ? { code: 'upload-credentials-invalid' } : who.refusal,
      )
    case 'principal':
      return serveUpload(parts.upload, exchange, { uploader: who, actor: actorOf(who, address) })
  }
}

function anyDocument(parts: HandlerParts, exchange: Exchange, documents: Documents): Promise<void> | undefined {
  const { req, res, path } = exchange
  const isRead = req.method === 'GET' || req.method === 'HEAD'
  switch (isRead ? path.segments.join('/') : '') {
    // These two say nothing about the index and must answer whoever asks, credentials or not.
    case '-/health':
      serveHealth(parts.operation, exchange)
      return undefined
    case '-/ready':
      return serveReady(parts.operation, exchange)
    case 'metrics':
      return identified(parts, exchange, (who) => serveMetrics(parts.operation, exchange, who))
    case 'api/v1/events':
      noteRoute(res, '/api/v1/events')
      return identified(parts, exchange, (who, again) => parts.operation.events.serve(exchange, who, again))
    case 'api/v1/status':
      noteRoute(res, '/api/v1/status')
      return identified(parts, exchange, (who) => serveStatus(parts.operation, exchange, who))
    default:
      return identified(parts, exchange, (who, _again, address) => documents({ who, address }))
  }
}

async function identified(
  parts: HandlerParts,
  { req, res }: Exchange,
  next: (who: Requester, again: () => ReturnType<typeof identify>, address: string) => Promise<void>,
): Promise<void> {
  const address = parts.clientAddress(req)
  const again = () => identify(parts.authenticator, req, address)
  const who = await again()
  noteRequester(res, who)
  if (who.kind === 'refused') return refuseRead(res, req, who.refusal)
  return next(who, again, address)
}

function noteRequester(res: ServerResponse, who: Awaited<ReturnType<typeof identify>>): void {
  const record = recordOf(res)
  if (record !== undefined && who.kind !== 'refused') record.who = who
}

/** What a route could not deal with. A state that may pass is 503; whatever else is a bug, told without details. */
function fail({ req, res, path }: Exchange, error: unknown): void {
  const refusal = failureRefusal(error)
  noteFailure(res, error)
  if (path.segments[0] !== 'legacy') return refuseRead(res, req, refusal)
  // The client may still be sending what nobody takes any more: it has to come to the answer (behaviour.md 7.3.9).
  void refuseAndDrain({ req, res, path }, refusal)
}
