const FIXED = new Map<string, string>([
  ['-/health', '/-/health'],
  ['-/ready', '/-/ready'],
  ['metrics', '/metrics'],
  ['legacy', '/legacy/'],
])

/**
 * The route of a request as a template: few, whatever is asked for, and without a name in them. What has no route is
 * `other`; what the management API is asked for, it notes itself (`noteRoute`).
 */
export function routeOf(segments: readonly string[] | undefined): string {
  if (segments === undefined) return 'other'
  const [first, second, third, fourth] = segments
  switch (first) {
    case undefined:
      return '/'
    case 'simple':
      if (third !== undefined)
        return second === 'namespace' && fourth === undefined ? '/simple/namespace/{namespace}' : 'other'
      return second === undefined ? '/simple/' : '/simple/{project}/'
    case 'files':
      return fourth === undefined || segments.length > 4 ? 'other' : fileRoute(fourth)
    case 'why':
      return segments.length > 3 || second === undefined ? 'other' : '/why/{project}'
    case 'pypi':
      return segments.length < 3 || segments.length > 4 ? 'other' : '/pypi/{project}/json'
    case 'docs':
      return '/docs/'
    default:
      return FIXED.get(segments.length > 2 ? '' : segments.join('/')) ?? 'other'
  }
}

function fileRoute(name: string): string {
  if (name.endsWith('.metadata')) return '/files/{file}.metadata'
  return name.endsWith('.provenance') ? '/files/{file}.provenance' : '/files/{file}'
}
