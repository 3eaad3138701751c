import { TrustError } from '../error.ts'
import { MAX_VISITED_ROLES } from '../limits.ts'
import type { Metadata, TargetFile, Targets } from '../metadata.ts'
import { edgesFor } from './delegation-edges.ts'
import type { RoleTrust } from '../threshold.ts'

/** What the signed metadata says of a target path: its file and who vouches for it, or that there is none. */
export type Lookup =
  | {
      readonly kind: 'found'
      readonly path: string
      readonly file: TargetFile
      /** From `targets` to the role that lists it, each of which handed the path to the next. */
      readonly chain: readonly string[]
    }
  | {
      readonly kind: 'absent'
      readonly path: string
      /** Every role that was asked, in order. */
      readonly visited: readonly string[]
    }

/** Gets a role, verified as `trust` wants it signed. */
export type GetRole = (role: string, trust: RoleTrust) => Promise<Metadata<Targets>>

interface Step {
  readonly role: string
  readonly trust: RoleTrust
  readonly chain: readonly string[]
}

/**
 * Looks for a target through the delegations, depth first, in their order (specification 5.6.7). A role that cannot be had ends
 * the search with an error: no later one may take its place (attacks.md DEL-3, FZ-ROLE).
 * @throws TrustError `delegation-limit` when more roles would be asked than one look-up may; whatever `getRole` throws
 */
export async function findTarget(path: string, targets: RoleTrust, getRole: GetRole): Promise<Lookup> {
  const visited = new Set<string>()
  const ahead: Step[] = [{ role: 'targets', trust: targets, chain: ['targets'] }]
  for (;;) {
    const step = ahead.pop()
    if (step === undefined) return { kind: 'absent', path, visited: [...visited] }
    // 5.6.7.1: no role twice, and a limit to how many (attacks.md DEL-1).
    if (visited.has(step.role)) continue
    if (visited.size === MAX_VISITED_ROLES) {
      throw new TrustError('delegation-limit', `More than ${MAX_VISITED_ROLES} roles would have to be asked.`)
    }
    visited.add(step.role)
    const { signed } = await getRole(step.role, step.trust)
    const file = signed.targets.get(path)
    if (file !== undefined) return { kind: 'found', path, file, chain: step.chain }
    if (signed.delegations === undefined) continue
    // 5.6.7.2: only roles that are handed this path; what others list of it is nobody's word (attacks.md DEL-4).
    const edges = edgesFor(signed.delegations, path)
    if (edges.at(-1)?.terminating === true) ahead.length = 0
    for (const edge of edges.toReversed()) {
      ahead.push({ role: edge.name, trust: edge, chain: [...step.chain, edge.name] })
    }
  }
}
