/**
 * The name of a role's file, as it is requested and stored: escaped as in a URL, so that no role's name leaves its folder or
 * ends the path (specification 4.5; attacks.md DEL-5). The version stands before it where the repository has consistent snapshots.
 */
export function roleFile(role: string, version?: number): string {
  const name = `${escapeSegment(role)}.json`
  return version === undefined ? name : `${version}.${name}`
}

/** One segment of a URL's path: all but letters, digits, `-`, `.`, `_` and `~` is escaped (RFC 3986 section 2.3). */
export function escapeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
