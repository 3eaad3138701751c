import { hasControlCharacters } from '@waxseal/packaging'
import { MAX_AUTHORIZATION_LENGTH, MAX_USER_NAME_LENGTH } from '../limits.ts'

/** What a request brought along to say who it is from; nothing of it is checked yet. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'malformed' }

/** The user name under which twine and uv send a token (behaviour.md 1.1). */
export const TOKEN_USER = '__token__'

/**
 * Reads an `Authorization` header: Basic (RFC 7617, UTF-8), `Bearer` or `token` (behaviour.md 1.1). White space around a
 * token is ignored: it comes from a pasted line. A password is taken as it is. No user name holds a control character (RFC
 * 7617 2), and nothing a NUL, which PostgreSQL does not even take as a question.
 */
export function parseAuthorization(header: string | undefined): Credentials {
  if (header === undefined || header.trim() === '') return { kind: 'none' }
  if (header.length > MAX_AUTHORIZATION_LENGTH) return { kind: 'malformed' }
  const text = header.trim()
  const space = text.search(/[ \t]/)
  if (space < 0) return { kind: 'malformed' }
  const value = text.slice(space + 1).trim()
  switch (text.slice(0, space).toLowerCase()) {
    case 'basic':
      return parseBasic(value)
    case 'bearer':
    case 'token':
      return value === '' ? { kind: 'malformed' } : { kind: 'token', token: value }
    default:
      return { kind: 'malformed' }
  }
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

function parseBasic(value: string): Credentials {
  const text = BASE64.test(value) ? decodeUtf8(Buffer.from(value, 'base64')) : undefined
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0) return { kind: 'malformed' }
  const user = text.slice(0, colon).trim()
  const password = text.slice(colon + 1)
  if (user === '' || user.length > MAX_USER_NAME_LENGTH || password === '') return { kind: 'malformed' }
  if (hasControlCharacters(user) || password.includes('\0')) return { kind: 'malformed' }
  if (user !== TOKEN_USER) return { kind: 'basic', user, password }
  return password.trim() === '' ? { kind: 'malformed' } : { kind: 'token', token: password.trim() }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
