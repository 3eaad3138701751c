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
