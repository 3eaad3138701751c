import type { GuardEndpoint } from '../endpoint.ts'

/** The index as the user names it and as the child sees it: https://packages.example/files/… ↔ http://127.0.0.1:PORT/SECRET/files/… */
export interface UrlMapping {
  /** The one index that a child is given. */
  readonly loopbackIndex: string
  readonly originIndex: string
  /** The loopback URL of exactly the trusted index, with or without its last slash; undefined for any other. */
  readonly index: (url: string) => string | undefined
  /** The loopback URL of a file of the trusted index; undefined for any other URL. */
  readonly file: (url: string) => string | undefined
  /** A project file or a lock as the child reads it: every URL of the trusted index or of its files. */
  readonly toLoopback: (text: string) => string
  /** What a child wrote, as it would have written it without a guard. Nothing but the exact loopback prefix is touched. */
  readonly toOrigin: (text: string) => string
}

/** `…/simple` or `…/simple/` as a whole string of TOML or JSON. */
const INDEX = (origin: string): RegExp =>
  new RegExp(`(?<quote>["'])${RegExp.escape(origin)}/simple(?<end>/?)(?=\\k<quote>)`, 'g')

export function urlMapping({ url, origin }: GuardEndpoint): UrlMapping {
  const files = `${origin}/files/`
  return {
    loopbackIndex: `${url}/simple/`,
    originIndex: `${origin}/simple/`,
    index: (given) => (given === `${origin}/simple/` || given === `${origin}/simple` ? `${url}/simple/` : undefined),
    file: (given) => (given.startsWith(files) ? `${url}/files/${given.slice(files.length)}` : undefined),
    toLoopback: (text) =>
      text.replaceAll(files, `${url}/files/`).replaceAll(INDEX(origin), `$<quote>${url}/simple$<end>`),
    toOrigin: (text) => text.replaceAll(`${url}/`, `${origin}/`),
  }
}
