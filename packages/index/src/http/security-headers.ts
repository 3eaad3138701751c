/**
 * On every answer that may repeat words from outside: nothing in it runs or loads, whatever a browser takes it for
 * (attacks.md API-HTML). A flat list as `writeHead` takes it.
 */
export const SECURITY_HEADERS: readonly string[] = [
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options',
  'nosniff',
]

/** On pages of ours for people: their own style stands in them. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
export const PAGE_SECURITY_HEADERS: readonly string[] = [
  'Content-Security-Policy',
  PAGE_POLICY,
  'X-Content-Type-Options',
  'nosniff',
]

/** On the documentation's site: its own style, script and search index, and nothing from elsewhere. */
export const DOCS_SECURITY_HEADERS: readonly string[] = [
  'Content-Security-Policy',
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options',
  'nosniff',
]
