/** At least two letters: `C:` is a drive. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i
const LOCAL_FILE = /^file:(?:\/\/(?:localhost)?\/|\/(?!\/))/i
const NAMED = /^[a-z0-9][a-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s*(.*)$/is

/**
 * The URL that a requirement is taken from past any index: `https://…`, `git+ssh://…`, `name @ https://…`. Undefined for a name and for
 * a local path, `file:` on this machine included.
 */
export function directUrl(requirement: string): string | undefined {
  const text = requirement.trim()
  const url = NAMED.exec(text)?.[1] ?? text
  return SCHEME.test(url) && !LOCAL_FILE.test(url) ? url : undefined
}
