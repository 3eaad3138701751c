import { ACCEPT_HEADER_MAX } from '../limits.ts'

/** RFC 9110 12.4.2, and the `.2` and the many digits that some clients send. */
const QVALUE = /^(?:0(?:\.\d*)?|\.\d+|1(?:\.0*)?)$/

/** How a Simple API page is sent: its body (`format`) and the Content-Type that names the version negotiated. */
export interface SimpleRepresentation {
  readonly format: 'html' | 'json'
  readonly contentType: string
}

const TEXT_HTML: SimpleRepresentation = { format: 'html', contentType: 'text/html; charset=UTF-8' }
const V1_HTML: SimpleRepresentation = {
  format: 'html',
  contentType: 'application/vnd.pypi.simple.v1+html; charset=UTF-8',
}
/** The media type of all JSON of the Simple API (PEP 691). */
export const V1_JSON: SimpleRepresentation = { format: 'json', contentType: 'application/vnd.pypi.simple.v1+json' }

/** Every representation there is: what a cache can prepare for. */
export const SIMPLE_REPRESENTATIONS: readonly SimpleRepresentation[] = [TEXT_HTML, V1_HTML, V1_JSON]

/** By media type, in the order that breaks ties (behaviour.md 2.1). */
const OFFERS: ReadonlyMap<string, SimpleRepresentation> = new Map(
  SIMPLE_REPRESENTATIONS.map((offer) => [offer.contentType.replace('; charset=UTF-8', ''), offer]),
)
const OFFERED_TYPES = [...OFFERS.keys()]
/** `latest` is another spelling of the newest version, which is v1 (PEP 691). */
const LATEST = /(?<=vnd\.pypi\.simple\.)latest(?=\+)/gi

/**
 * Chooses the representation of a Simple API page. `format` is the decoded query parameter of that name, if any, and
 * wins when it names a type on offer (PEP 691); else the highest quality of `accept` wins. What accepts nothing on offer
 * gets HTML, never a 406 (behaviour.md 0.11).
 */
export function negotiateSimple(accept: string | undefined, format?: string): SimpleRepresentation {
  if (format !== undefined) {
    // A plus sign in a query decodes to a blank, and PEP 691 writes it unescaped.
    const named = OFFERS.get(format.replaceAll(' ', '+').toLowerCase().replace(LATEST, 'v1'))
    if (named !== undefined) return named
  }
  if (accept === undefined) return TEXT_HTML
  return KNOWN_ACCEPTS.get(accept) ?? chooseSimple(accept)
}

function chooseSimple(accept: string): SimpleRepresentation {
  const chosen = preferredMediaType(accept.replaceAll(LATEST, 'v1'), OFFERED_TYPES)
  return (chosen === undefined ? undefined : OFFERS.get(chosen)) ?? TEXT_HTML
}

/** What pip, uv and browsers send, letter by letter: decided once, so that the usual request costs one look-up. */
const KNOWN_ACCEPTS: ReadonlyMap<string, SimpleRepresentation> = new Map(
  [
    '*/*',
    'text/html',
    'application/vnd.pypi.simple.v1+json',
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01',
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01',
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html',
  ].map((accept) => [accept, chooseSimple(accept)]),
)

/**
 * The media type of `offers` (lower case, in order of preference) that `accept` wants most; the first without an
 * `accept`, `undefined` when it excludes all. The most specific range decides (RFC 9110 12.5.1); parameters other than
 * `q` are ignored, and so is a range with a malformed `q`.
 */
export function preferredMediaType<T extends string>(accept: string | undefined, offers: readonly T[]): T | undefined {
  const ranges = accept === undefined || accept.trim() === '' ? undefined : parseQualities(accept)
  if (ranges === undefined) return offers[0]
  let best: T | undefined
  let bestQuality = 0
  for (const offer of offers) {
    const anySubtype = `${offer.slice(0, offer.indexOf('/'))}/*`
    const quality = ranges.get(offer) ?? ranges.get(anySubtype) ?? ranges.get('*/*') ?? 0
    if (quality > bestQuality) {
      best = offer
      bestQuality = quality
    }
  }
  return best
}

/** The content codings this server makes, in the order that breaks ties: the smallest result first. */
export type ContentEncoding = 'zstd' | 'br' | 'gzip' | 'identity'
const ENCODINGS: readonly ContentEncoding[] = ['zstd', 'br', 'gzip', 'identity']

/** Chooses the content coding for an Accept-Encoding header; what accepts nothing we make gets identity, never a 406. */
export function negotiateEncoding(acceptEncoding: string | undefined): ContentEncoding {
  if (acceptEncoding === undefined) return 'identity'
  return KNOWN_ENCODINGS.get(acceptEncoding) ?? chooseEncoding(acceptEncoding)
}

function chooseEncoding(acceptEncoding: string): ContentEncoding {
  const codings = parseQualities(acceptEncoding)
  if (codings === undefined) return 'identity'
  let best: ContentEncoding = 'identity'
  let bestQuality = 0
  for (const encoding of ENCODINGS) {
    const named = codings.get(encoding) ?? (encoding === 'gzip' ? codings.get('x-gzip') : undefined)
    // Identity that nobody mentions stays acceptable, as the last resort (RFC 9110 12.5.3).
    const quality = named ?? (encoding === 'identity' ? 0 : (codings.get('*') ?? 0))
    if (quality > bestQuality) {
      best = encoding
      bestQuality = quality
    }
  }
  return best
}

/** What pip, uv, requests, wget, curl and browsers send, letter by letter. */
const KNOWN_ENCODINGS: ReadonlyMap<string, ContentEncoding> = new Map(
  [
    'identity',
    'gzip',
    'gzip, deflate',
    'gzip, deflate, br',
    'gzip, deflate, br, zstd',
    'gzip, br',
    'gzip, br, zstd',
  ].map((header) => [header, chooseEncoding(header)]),
)

/**
 * Reads a list of `name;q=…` items: lower-case name to quality, the first mention of a name counting. `undefined` for
 * a header over the cap. Linear: names and parameters are cut out, never matched against.
 */
function parseQualities(header: string): ReadonlyMap<string, number> | undefined {
  if (header.length > ACCEPT_HEADER_MAX) return undefined
  const qualities = new Map<string, number>()
  for (const item of header.split(',')) {
    const [rawName = '', ...parameters] = item.split(';')
    const name = rawName.trim().toLowerCase()
    if (name === '') continue
    const quality = qualityOf(parameters)
    if (quality !== undefined && !qualities.has(name)) qualities.set(name, quality)
  }
  return qualities
}

function qualityOf(parameters: readonly string[]): number | undefined {
  for (const parameter of parameters) {
    const trimmed = parameter.trim()
    if (!/^q\s*=/i.test(trimmed)) continue
    const value = trimmed.slice(trimmed.indexOf('=') + 1).trim()
    return QVALUE.test(value) ? Number(value) : undefined
  }
  return 1
}
