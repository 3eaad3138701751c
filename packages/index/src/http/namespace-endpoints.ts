import { hash } from 'node:crypto'
import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import type { NamesConfig } from '../names/authority.ts'
import type { Namespace } from '../names/namespaces.ts'
import { isPublic } from '../names/page-namespaces.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import type { Exchange } from './exchange.ts'
import { negotiateEncoding, V1_JSON } from './negotiate.ts'
import { redirect } from './redirect.ts'
import { refuseSimple } from './refuse.ts'
import type { RepresentationCache } from './representation-cache.ts'
import { sendBody } from './send-body.ts'

/** The two addresses that PEP 752 adds to the Simple API, without a slash at the end; with one, they are projects. */
export const NAMESPACE_LIST = 'namespaces'
export const NAMESPACE = 'namespace'

export interface NamespaceEndpoints {
  readonly names: NamesConfig
  readonly current: CurrentProjects
  readonly pages: RepresentationCache
}

/** Whether an address below a Simple API's base is one of these endpoints, and no project's. */
export function isNamespaceEndpoint([segment, ...rest]: readonly string[], trailingSlash: boolean): boolean {
  return segment === NAMESPACE ? rest.length === 1 : segment === NAMESPACE_LIST && rest.length === 0 && !trailingSlash
}

/** `/simple/namespaces`: every namespace that may be told, as the PEP has it: an array, without `meta`. */
export async function serveNamespaces(parts: NamespaceEndpoints, exchange: Exchange): Promise<void> {
  const names = (await publicNamespaces(parts)).map(({ name }) => name)
  return send(
    parts,
    exchange,
    names.toSorted().map((name) => ({ name })),
  )
}

/** `/simple/namespace/<name>`: its owner, the one that it lies in, and those that lie directly in it. */
export async function serveNamespace(parts: NamespaceEndpoints, exchange: Exchange, segment: string): Promise<void> {
  const { req, res, path } = exchange
  const name = normalizeProjectName(segment)
  if (isValidProjectName(segment) && (name !== segment || path.trailingSlash)) {
    return redirect(exchange, path.trailingSlash ? `../${name}` : name)
  }
  const told = await publicNamespaces(parts)
  const namespace = told.find((one) => one.name === name)
  if (namespace === undefined) {
    const detail = 'No namespace of this name is told here; /simple/namespaces lists those that are.'
    return refuseSimple(res, req, { code: 'not-found', detail })
  }
  const children = told.filter((one) => parentOf(one, told) === namespace).map((child) => child.name)
  return send(parts, exchange, {
    name,
    owner: namespace.owner,
    parent: parentOf(namespace, told)?.name ?? null,
    children: children.toSorted(),
  })
}

/** The longest of `namespaces` that covers `namespace` and is another one. */
function parentOf({ name }: Namespace, namespaces: readonly Namespace[]): Namespace | undefined {
  return namespaces.reduce<Namespace | undefined>(
    (best, one) => (name.startsWith(`${one.name}-`) && one.name.length > (best?.name.length ?? 0) ? one : best),
    undefined,
  )
}

async function publicNamespaces({ names, current }: NamespaceEndpoints): Promise<readonly Namespace[]> {
  await current.synchronize()
  return [...names.namespaces].filter(isPublic)
}

/** JSON whatever is asked for: there is no other form, and no 406 (behaviour.md 0.11). */
async function send({ pages }: NamespaceEndpoints, { req, res }: Exchange, document: unknown): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(document)}\n`)
  const key = { sha256: hash('sha256', bytes), contentType: V1_JSON.contentType }
  const encoding = negotiateEncoding(req.headers['accept-encoding'])
  sendBody(req, res, await pages.get(key, encoding, async () => ({ bytes })))
}
