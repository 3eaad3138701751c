import { createHash } from 'node:crypto'
import type { Delegation, Delegations } from '../metadata.ts'
import { binName, binOf, isBinName } from '../succinct-bins.ts'
import { isPattern, matchesPattern } from '../target-path.ts'
import type { RoleTrust } from '../threshold.ts'

/** One role's handing over to another: whose signatures count there, by this delegator's word alone. */
export interface DelegationEdge extends RoleTrust {
  readonly name: string
  readonly terminating: boolean
  /** Whether a target path is handed over. */
  covers(path: string): boolean
}

/** The roles that a delegator asks about `path`, in order, up to a terminating one (specification 5.6.7.2). */
export function edgesFor(delegations: Delegations, path: string): readonly DelegationEdge[] {
  const { succinct } = delegations
  if (succinct !== undefined) return [binEdge(delegations, succinct, binName(succinct, binOf(succinct, path)))]
  const edges: DelegationEdge[] = []
  const hash = new PathHash(path)
  for (const delegation of delegations.roles) {
    if (!covers(delegation, path, hash)) continue
    edges.push(namedEdge(delegations, delegation))
    if (delegation.terminating) break
  }
  return edges
}

/** The edge to `role`, if there is one: each name stands once (attacks.md DEL-5). */
export function edgeTo(delegations: Delegations, role: string): DelegationEdge | undefined {
  const { succinct } = delegations
  if (succinct !== undefined) return isBinName(succinct, role) ? binEdge(delegations, succinct, role) : undefined
  const delegation = delegations.roles.find(({ name }) => name === role)
  return delegation === undefined ? undefined : namedEdge(delegations, delegation)
}

export function namedEdge({ keys }: Delegations, delegation: Delegation): DelegationEdge {
  let covered: ((path: string) => boolean) | undefined
  return { ...delegation, keys, covers: (path) => (covered ??= coverOf(delegation))(path) }
}

/** TAP 15. Every client takes bins for terminating, whatever its text says (tuf.md E). */
export function binEdge(
  { keys }: Delegations,
  succinct: NonNullable<Delegations['succinct']>,
  name: string,
): DelegationEdge {
  const { keyids, threshold } = succinct
  const covers = (path: string) => binName(succinct, binOf(succinct, path)) === name
  return { name, keyids, threshold, keys, terminating: true, covers }
}

/** `paths` are patterns; hash prefixes are compared with the sha256 of the path (specification 4.5). */
function covers({ paths, pathHashPrefixes }: Delegation, path: string, hash: PathHash): boolean {
  if (paths !== undefined) return paths.some((pattern) => matchesPattern(pattern, path))
  return pathHashPrefixes?.some((prefix) => hash.hex.startsWith(prefix)) === true
}

/** As `covers`, for many paths: what stands for itself is looked up, and only patterns are gone through. */
function coverOf({ paths, pathHashPrefixes }: Delegation): (path: string) => boolean {
  if (paths !== undefined) {
    const literal = new Set(paths)
    const patterns = paths.filter(isPattern)
    return (path) => literal.has(path) || patterns.some((pattern) => matchesPattern(pattern, path))
  }
  const prefixes = new Set(pathHashPrefixes)
  const lengths = new Set(Array.from(prefixes, ({ length }) => length))
  return (path) => {
    const { hex } = new PathHash(path)
    return lengths.values().some((length) => prefixes.has(hex.slice(0, length)))
  }
}

/** The hash of a path, made once, and only where a delegation goes by it. */
class PathHash {
  readonly #path: string
  #hex: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  get hex(): string {
    this.#hex ??= createHash('sha256').update(this.#path).digest('hex')
    return this.#hex
  }
}
