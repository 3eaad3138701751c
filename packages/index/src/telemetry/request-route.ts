/** Management routes as OpenAPI writes them, below `/api/v1`. */
export type RouteTemplates = readonly string[]

const FIXED = new Map<string, string>([
  ['-/health', '/-/health'],
  ['-/ready', '/-/ready'],
  ['metrics', '/metrics'],
  ['legacy', '/legacy/'],
])

/**
 * The route of a request as a template: few, whatever is asked for, and without a name in them. What has no route is
 * `other`.
 */
export function routeOf(segments: readonly string[] | undefined, management: RouteTemplates): string {
  if (segments === undefined) return 'other'
  const [first, second, third, fourth] = segments
  switch (first) {
    case undefined:
      return '/'
    case 'simple':
      return second === undefined ? '/simple/' : third === undefined ? '/simple/{project}/' : 'other'
    case 'files':
      return fourth === undefined || segments.length > 4 ? 'other' : fileRoute(fourth)
    case 'why':
      return segments.length > 3 || second === undefined ? 'other' : '/why/{project}'
    case 'pypi':
      return segments.length < 3 || segments.length > 4 ? 'other' : '/pypi/{project}/json'
    case 'docs':
      return '/docs/'
    case 'api':
      return second === 'v1' ? managementRoute(segments.slice(2), management) : 'other'
    default:
      return FIXED.get(segments.length > 2 ? '' : segments.join('/')) ?? 'other'
  }
}

function fileRoute(name: string): string {
  if (name.endsWith('.metadata')) return '/files/{file}.metadata'
  return name.endsWith('.provenance') ? '/files/{file}.provenance' : '/files/{file}'
}

function managementRoute(segments: readonly string[], templates: RouteTemplates): string {
  for (const template of templates) {
    const parts = template.split('/').slice(1)
    if (parts.length === segments.length && parts.every((part, at) => part.startsWith('{') || part === segments[at])) {
      return `/api/v1${template}`
    }
  }
  return 'other'
}
