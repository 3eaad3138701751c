import { resolve } from 'node:path'
import { GuardError } from '../error.ts'
import { directUrl } from './direct-url.ts'
import type { TemporaryFiles } from './temporary-files.ts'
import type { UrlMapping } from './url-mapping.ts'

/** What every reader of a child's arguments and files works with. */
export interface Preparing {
  readonly urls: UrlMapping
  readonly origin: string
  /** The guard's own base URL. */
  readonly loopback: string
  readonly cwd: string
  /** The child's own: what its files expand `${NAME}` from. */
  readonly env: NodeJS.ProcessEnv
  readonly allowDirectUrls: boolean
  readonly temporary: TemporaryFiles
}

/** The arguments for one client, and what is to be done once it has ended. */
export interface PreparedClient {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly rewriteOutput?: boolean
  readonly installs?: boolean
  readonly outputs?: readonly ChildOutput[]
}

/** A file that the child writes in another place than the user's, or with other URLs. */
export interface ChildOutput {
  /** Puts what the child wrote where the user wants it; the paths. `completed`: the child ended by itself. */
  collect(completed: boolean): Promise<readonly string[]>
}

export function inFolder(preparing: Preparing, path: string): string {
  return resolve(preparing.cwd, path)
}

/** A requirement with the loopback URL where it names a file of the trusted index. @throws requirement-refused for any other URL. */
export function mappedRequirement(preparing: Preparing, requirement: string, where: string): string {
  const url = directUrl(requirement)
  if (url === undefined) return requirement
  const mapped = preparing.urls.file(url)
  if (mapped !== undefined) return requirement.replace(url, () => mapped)
  if (preparing.allowDirectUrls) return requirement
  throw new GuardError(
    'requirement-refused',
    `${where}: ${withoutUserinfo(requirement)} comes from a URL that ${preparing.origin} does not answer for. Upload the project there and require it by name and version; a path on this machine is allowed.`,
    { data: { where, url: withoutUserinfo(url) } },
  )
}

/** The loopback index in the place of exactly the trusted one. @throws option-refused for any other. */
export function mappedIndex(preparing: Preparing, option: string, url: string | undefined, where: string): string {
  const mapped = url === undefined ? undefined : preparing.urls.index(url)
  if (mapped !== undefined) return mapped
  throw refusedOption(preparing, option, where)
}

export function refusedOption({ origin }: Preparing, option: string, where: string): GuardError {
  return new GuardError(
    'option-refused',
    `${where}: ${option} is refused behind the guard: everything comes from ${origin}, verified. Take it out; what another source offers comes through the index, as an upload or by one of its upstreams.`,
    { data: { where, option } },
  )
}

/** A message must not carry the password of a URL. */
export function withoutUserinfo(text: string): string {
  return text.replaceAll(/\/\/[^/@\s]*@/g, '//…@')
}
