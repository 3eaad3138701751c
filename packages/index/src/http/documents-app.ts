import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { getPath } from 'hono/utils/url'
import { mayRead } from '../access/permissions.ts'
import type { Requester } from '../access/permissions.ts'
import { IndexError } from '../error.ts'
import { MANAGEMENT_BODY_MS, MAX_MANAGEMENT_BODY } from '../limits.ts'
import type { Offers } from '../releases/offers.ts'
import type { Unasked as Mode } from '../releases/unasked.ts'
import type { Management } from '../releases/management.ts'
import type { ReadParts } from '../releases/read-project.ts'
import type { ProjectMetadata } from '../releases/project-metadata.ts'
import { noteFailure, noteRoute } from '../telemetry/request-record.ts'
import { badInput } from './bad-input.ts'
import { DocumentResponses } from './document-responses.ts'
import { failureRefusal } from './failure-refusal.ts'
import { MANAGEMENT_ROUTES } from './management-routes.ts'
import type { ManagementRoute } from './management/route.ts'
import { openApiDocument } from './openapi.ts'
import type { Refusal } from './refuse.ts'
import { refuseRead } from './refuse.ts'
import { requestOrigin } from './request-origin.ts'
import { PAGE_POLICY } from './security-headers.ts'
import { startPage } from './start-page.ts'
import { unavailableOffer } from './unavailable-offer.ts'

export interface DocumentsParts {
  readonly read: ReadParts
  readonly offers: Offers
  readonly management: Management
  readonly metadata: ProjectMetadata
  readonly reading: 'public' | 'private'
  readonly version: string
  readonly publicUrl?: string
  /** What this server does not do, for people and monitors. */
  readonly modes: readonly Mode[]
}

/** Who sends a request, and from which address. */
export interface Asker {
  readonly who: Requester
  readonly address: string
}

/** What the handler knows of a request before a route sees it. */
interface DocumentsEnv {
  readonly Bindings: HttpBindings & Asker
}

type DocumentsContext = Context<DocumentsEnv>

export type DocumentsHandler = (req: IncomingMessage, res: ServerResponse, asker: Asker) => Promise<void>

/** Everything that is not a page or a file: documents for people and scripts, and the management API. */
export function documentsHandler(parts: DocumentsParts): DocumentsHandler {
  const askers = new WeakMap<IncomingMessage, Asker>()
  const app = createDocumentsApp(parts)
  const listener = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse }
      const asker = askers.get(incoming) ?? { who: { kind: 'anonymous' }, address: 'unknown' }
      return app.fetch(request, { incoming, outgoing, ...asker })
    },
    {
      // Addresses are never made from the Host header (attacks.md SMUG): any name does for routing.
      hostname: 'index.invalid',
      overrideGlobalObjects: false,
    },
  )
  return async (req, res, asker) => {
    askers.set(req, asker)
    await listener(req, res)
  }
}

function createDocumentsApp(parts: DocumentsParts): Hono<DocumentsEnv> {
  const app = new Hono<DocumentsEnv>({ getPath: documentPath })
  const documents = new DocumentResponses(parts.read, parts.metadata)
  app.use(async (c, next) => {
    await next()
    c.header('X-Content-Type-Options', 'nosniff')
  })
  app.get('/', (c) =>
    htmlAnswer(c, startPage(requestOrigin(c.env.incoming, parts.publicUrl), parts.version, parts.modes)),
  )
  app.get('/pypi/:project/json', (c) => jsonApi(parts, documents, c, undefined))
  app.get('/pypi/:project/:version/json', (c) => jsonApi(parts, documents, c, c.req.param('version')))
  app.get('/why/:project', (c) => why(parts, documents, c, undefined))
  app.get('/why/:project/:version', (c) => why(parts, documents, c, c.req.param('version')))
  app.get('/api/v1/openapi.json', (c) => c.json(openApiDocument(parts.version)))
  for (const route of MANAGEMENT_ROUTES) addManagementRoute(app, parts, route)
  app.notFound((c) => refused(c, { code: 'not-found' }))
  app.onError((error, c) => {
    const refusal = refusalOfError(error)
    if (refusal === undefined) noteFailure(c.env.outgoing, error)
    return refused(c, refusal ?? failureRefusal(error))
  })
  return app
}

/** The path that routes are matched with: runs of slashes are one and a final one is none, as for pages (path.ts). */
function documentPath(request: Request): string {
  const path = getPath(request).replaceAll(/\/{2,}/g, '/')
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function refused(c: DocumentsContext, refusal: Refusal): Response {
  // Written to Node's response: a Response has no place for the reason phrase, which is what most clients show.
  refuseRead(c.env.outgoing, c.env.incoming, refusal)
  return RESPONSE_ALREADY_SENT
}

/** Failures of the domain that are the request's, not the server's; the others go to the handler. */
function refusalOfError(error: unknown): Refusal | undefined {
  if (!(error instanceof IndexError)) return undefined
  switch (error.code) {
    case 'not-found':
      return { code: 'not-found', detail: error.message }
    case 'read-only':
      return { code: 'read-only', detail: error.message }
    case 'conflict':
      return { code: 'conflict', detail: error.message }
    case 'not-allowed':
    case 'limit-exceeded':
      return { code: 'bad-request', detail: error.message }
    default:
      return undefined
  }
}

async function htmlAnswer(c: DocumentsContext, page: ReturnType<typeof startPage>): Promise<Response> {
  c.header('Content-Security-Policy', PAGE_POLICY)
  c.header('Cache-Control', 'no-cache')
  return c.html(await page)
}

/** The project a path names, in normal form, or the refusal: credentials first, so that names do not leak (ENUM). */
function namedProject(parts: DocumentsParts, c: DocumentsContext): string | Response {
  const raw = c.req.param('project') ?? ''
  const name = isValidProjectName(raw) ? normalizeProjectName(raw) : undefined
  if (!mayRead(c.env.who, name ?? null, parts.reading)) {
    return refused(c, { code: c.env.who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' })
  }
  return name ?? refused(c, { code: 'not-found', detail: 'Project names follow PEP 503.' })
}

async function jsonApi(
  parts: DocumentsParts,
  documents: DocumentResponses,
  c: DocumentsContext,
  version: string | undefined,
): Promise<Response> {
  const name = namedProject(parts, c)
  if (typeof name !== 'string') return name
  const offer = await parts.offers.of(name)
  if (offer.kind === 'unavailable') {
    return refused(c, unavailableOffer(name, offer))
  }
  const root = `${requestOrigin(c.env.incoming, parts.publicUrl)}/`
  const { incoming: req, outgoing: res } = c.env
  const sent = offer.kind === 'page' && (await documents.jsonApi({ req, res }, offer.state, version, root))
  return sent ? RESPONSE_ALREADY_SENT : c.json({ message: 'Not Found' }, 404, { 'Cache-Control': 'no-store' })
}

async function why(
  parts: DocumentsParts,
  documents: DocumentResponses,
  c: DocumentsContext,
  version: string | undefined,
): Promise<Response> {
  const name = namedProject(parts, c)
  if (typeof name !== 'string') return name
  await documents.why({ req: c.env.incoming, res: c.env.outgoing }, name, version)
  return RESPONSE_ALREADY_SENT
}

function addManagementRoute(app: Hono<DocumentsEnv>, parts: DocumentsParts, route: ManagementRoute): void {
  const path = `/api/v1${route.path.replaceAll(/\{([a-z]+)\}/g, ':$1')}`
  app.on(route.method, path, async (c) => {
    noteRoute(c.env.outgoing, `/api/v1${route.path}`)
    // Credentials before any look at the input: a stranger learns nothing from how it is judged.
    const isForReaders = route.method === 'GET' || route.openToReaders === true
    if (c.env.who.kind === 'anonymous' && (!isForReaders || parts.reading === 'private')) {
      return refused(c, { code: 'unauthorized' })
    }
    const site = c.req.header('sec-fetch-site')
    if (route.method !== 'GET' && site !== undefined && site !== 'same-origin' && site !== 'none') {
      // A browser adds the credentials it remembers to whatever another site makes it send.
      return refused(c, { code: 'forbidden', detail: 'Requests of other sites are not obeyed.' })
    }
    const params = route.params.safeParse(c.req.param())
    if (!params.success) return refused(c, { code: 'bad-request', detail: badInput(params.error, 'address') })
    const query = route.query?.safeParse(c.req.query()) ?? { success: true, data: undefined }
    if (!query.success) return refused(c, { code: 'bad-request', detail: badInput(query.error, 'address') })
    const text = route.body === undefined ? '' : await readText(c.env.incoming)
    if (typeof text !== 'string') return refused(c, text)
    if (text !== '' && !isJson(c.req.header('content-type'))) return refused(c, { code: 'unsupported-media-type' })
    const value = parseJson(text)
    if (value.kind === 'malformed') return refused(c, { code: 'bad-request', detail: 'The body is not JSON.' })
    const body = route.body?.safeParse(value.value) ?? { success: true, data: undefined }
    if (!body.success) return refused(c, { code: 'bad-request', detail: badInput(body.error, 'body') })
    const context = { management: parts.management, who: c.env.who, address: c.env.address, reading: parts.reading }
    const answer = await route.handle(context, params.data, body.data, query.data)
    if (answer.kind === 'refused') {
      return refused(c, { code: answer.code, ...(answer.message === undefined ? {} : { detail: answer.message }) })
    }
    return c.json(answer.body as object, answer.status, { 'Cache-Control': 'no-store' })
  })
}

/** The whole body, or how it is refused when it is longer, or takes longer, than that of a management request ever does. */
async function readText(req: IncomingMessage): Promise<string | Refusal> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), MANAGEMENT_BODY_MS)
  const body = (req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const pieces: Buffer[] = []
  let length = 0
  try {
    for (;;) {
      const next = await Promise.race([body.next(), late.promise])
      if (next === undefined) return { code: 'request-timeout' }
      if (next.done === true) return Buffer.concat(pieces).toString()
      length += next.value.length
      if (length > MAX_MANAGEMENT_BODY) return { code: 'body-too-large' }
      pieces.push(next.value)
    }
  } finally {
    clearTimeout(timer)
    // It ends once the client sends something or goes; nobody waits for that.
    body.return?.().catch(() => undefined)
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === 'application/json'
}

/** The value of a body; undefined for an empty one. */
function parseJson(text: string): { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'malformed' } {
  if (text === '') return { kind: 'value', value: undefined }
  try {
    return { kind: 'value', value: JSON.parse(text) as unknown }
  } catch {
    return { kind: 'malformed' }
  }
}
