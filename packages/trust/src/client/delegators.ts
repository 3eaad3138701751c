import { TrustError } from '../error.ts'
import { KeyRing } from '../key-ring.ts'
import type { Delegations, Metadata, Targets } from '../metadata.ts'
import { binCount, binName, isBinName } from '../succinct-bins.ts'
import type { RoleTrust } from '../threshold.ts'
import { binEdge, namedEdge } from './delegation-edges.ts'
import type { DelegationEdge } from './delegation-edges.ts'

/** A role that delegates, and to whom. */
export interface Delegator {
  readonly delegations: Delegations
  readonly edges: ReadonlyMap<string, DelegationEdge>
}

/** Undefined for a role that delegates to nobody. */
export function delegatorOf({ signed: { delegations } }: Metadata<Targets>): Delegator | undefined {
  if (delegations === undefined) return undefined
  return { delegations, edges: new Map(delegations.roles.map((one) => [one.name, namedEdge(delegations, one)])) }
}

/** By which a role is delegated to; undefined where it is not. */
export function edgeOf({ delegations, edges }: Delegator, role: string): DelegationEdge | undefined {
  const { succinct } = delegations
  if (succinct === undefined) return edges.get(role)
  return isBinName(succinct, role) ? binEdge(delegations, succinct, role) : undefined
}

/** Edges by which other keys count than before. */
export function* newEdges(before: Delegator | undefined, after: Delegator): Generator<[string, DelegationEdge]> {
  const { succinct } = after.delegations
  if (succinct === undefined) {
    for (const [name, edge] of after.edges) {
      const old = before === undefined ? undefined : edgeOf(before, name)
      if (old === undefined || !isSameTrust(old, edge)) yield [name, edge]
    }
    return
  }
  const first = binEdge(after.delegations, succinct, binName(succinct, 0))
  const old = before?.delegations.succinct
  const isAsBefore =
    before !== undefined &&
    old?.bitLength === succinct.bitLength &&
    old.namePrefix === succinct.namePrefix &&
    isSameTrust(binEdge(before.delegations, old, first.name), first)
  if (isAsBefore) return
  for (let number = 0; number < binCount(succinct); number += 1) {
    const name = binName(succinct, number)
    yield [name, binEdge(after.delegations, succinct, name)]
  }
}

/** Whether the same keys count: a changed shard names thousands of projects, whose keys are not all read for that. */
export function isSameTrust(a: RoleTrust, b: RoleTrust): boolean {
  if (a.threshold !== b.threshold || a.keyids.length !== b.keyids.length) return false
  return a.keyids.every((keyid, at) => keyid === b.keyids[at] && isSameKey(a, b, keyid))
}

function isSameKey({ keys: a }: RoleTrust, { keys: b }: RoleTrust, keyid: string): boolean {
  if (a instanceof KeyRing && b instanceof KeyRing) return a.listsAlike(b, keyid)
  return a.get(keyid)?.fingerprint === b.get(keyid)?.fingerprint
}

/** What a publication lacks. */
export function missing(role: string, why: string): TrustError {
  return new TrustError('missing-role', `${role} is missing: ${why}.`)
}
