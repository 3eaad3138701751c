import { createHash } from 'node:crypto'
import {
  isValidProjectName,
  normalizeProjectName,
  parseSimpleJson,
  renderSimpleHtml,
  simpleApiVersion,
  writeSimpleJson,
} from '@waxseal/packaging'
import type { SimpleProjectPage } from '@waxseal/packaging'
import { absentNamespaces } from '../names/page-namespaces.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import type { PageBodies } from '../publish/page-bodies.ts'
import type { Offers } from '../releases/offers.ts'
import type { ProjectLists } from '../releases/project-list.ts'
import { NAMESPACE, NAMESPACE_LIST, serveNamespace, serveNamespaces } from './namespace-endpoints.ts'
import { noteCache } from '../telemetry/request-record.ts'
import type { Exchange } from './exchange.ts'
import { negotiateEncoding, negotiateSimple } from './negotiate.ts'
import type { SimpleRepresentation } from './negotiate.ts'
import { redirect } from './redirect.ts'
import { refuseSimple } from './refuse.ts'
import type { Body, RepresentationCache } from './representation-cache.ts'
import { sendBody } from './send-body.ts'
import { unavailableOffer } from './unavailable-offer.ts'

export interface SimpleParts {
  readonly bodies: PageBodies
  readonly offers: Offers
  readonly lists: ProjectLists
  readonly pages: RepresentationCache
  readonly names: NamesConfig
  readonly current: CurrentProjects
}

/** `/simple/` and `/simple/<project>/` (design.md section 6; behaviour.md 2.1 and 7.3). */
export async function serveSimple(parts: SimpleParts, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange
  const [, segment, ...rest] = path.segments
  if (segment === undefined) {
    if (!path.trailingSlash) return redirect(exchange, 'simple/')
    return serveList(parts, exchange)
  }
  const [namespace] = rest
  if (segment === NAMESPACE && namespace !== undefined && rest.length === 1) {
    return serveNamespace(parts, exchange, namespace)
  }
  if (rest.length > 0 || !isValidProjectName(segment)) {
    return refuseSimple(res, req, { code: 'not-found', detail: 'There is no such page: project names follow PEP 503.' })
  }
  const name = normalizeProjectName(segment)
  // A project of that name has the page with the slash.
  if (segment === NAMESPACE_LIST && !path.trailingSlash) return serveNamespaces(parts, exchange)
  // Relative, so that the redirect holds under any prefix; 302, since pip keeps 301 and 308 for ever (behaviour.md 0.10).
  if (!path.trailingSlash) return redirect(exchange, `${name}/`)
  if (name !== segment) return redirect(exchange, `../${name}/`)
  const found = parts.offers.of(name)
  const offer = found instanceof Promise ? await found : found
  const whyUrl = `../../why/${name}`
  if (offer.from !== undefined) noteCache(res, offer.from)
  switch (offer.kind) {
    case 'page':
      return servePage(parts, exchange, offer.state)
    case 'empty':
      return serveEmpty(parts, exchange, name, offer.reason)
    case 'unknown':
      return refuseSimple(res, req, { code: 'not-found', detail: `No project is called ${name} here.`, whyUrl })
    case 'unavailable':
      return refuseSimple(res, req, { ...unavailableOffer(name, offer), whyUrl })
  }
}

function representationOf({ req, path }: Exchange): SimpleRepresentation {
  const format = path.query === '' ? undefined : (new URLSearchParams(path.query).get('format') ?? undefined)
  return negotiateSimple(req.headers.accept, format)
}

function snapshotHeaders(snapshot: number): readonly string[] {
  return ['X-PyPI-Last-Serial', String(snapshot), 'Waxseal-Snapshot', String(snapshot)]
}

/** Sends one body in the form the client asked for; `load` is only called for a form that was not sent before. */
async function serveBody(
  parts: SimpleParts,
  exchange: Exchange,
  sha256: string,
  load: (format: SimpleRepresentation['format']) => Promise<Body>,
): Promise<void> {
  const { req, res } = exchange
  const { format, contentType } = representationOf(exchange)
  const encoding = negotiateEncoding(req.headers['accept-encoding'])
  const key = { sha256, contentType }
  const ready = parts.pages.peek(key, encoding)
  noteCache(res, ready === undefined ? 'made' : 'memory')
  sendBody(req, res, ready ?? (await parts.pages.get(key, encoding, () => load(format))))
}

function servePage(parts: SimpleParts, exchange: Exchange, { name, page }: ProjectState): Promise<void> {
  if (page === undefined) return serveEmpty(parts, exchange, name, 'Nothing was published under this name yet.')
  return serveBody(parts, exchange, page.body_sha256, async (format) => {
    const { bytes, snapshot } = await parts.bodies.read(page)
    const headers = snapshotHeaders(snapshot)
    return { bytes: format === 'json' ? bytes : Buffer.from(renderSimpleHtml(parseSimpleJson(bytes))), headers }
  })
}

/** 200 with no files for a name that is ours: a 404 would send uv to the next index (DC-16). */
function serveEmpty(parts: SimpleParts, exchange: Exchange, name: string, reason: string): Promise<void> {
  const said = absentNamespaces(name, parts.names)
  const namespaces = said.length === 0 ? undefined : said
  const page: SimpleProjectPage = {
    name,
    versions: [],
    files: [],
    status: { status: 'active', reason },
    namespaces,
    apiVersion: simpleApiVersion({ files: [], namespaces }),
  }
  const json = Buffer.from(writeSimpleJson(page))
  const sha256 = createHash('sha256').update(json).digest('hex')
  return serveBody(parts, exchange, sha256, async (format) => ({
    bytes: format === 'json' ? json : Buffer.from(renderSimpleHtml(page)),
  }))
}

async function serveList(parts: SimpleParts, exchange: Exchange): Promise<void> {
  const list = await parts.lists.get()
  return serveBody(parts, exchange, list.sha256, async (format) => ({
    bytes: Buffer.from(format === 'json' ? list.json() : list.html()),
    headers: snapshotHeaders(list.snapshot),
  }))
}
