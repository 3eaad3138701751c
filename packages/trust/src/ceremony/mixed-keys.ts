import type { Delegations } from '../metadata.ts'
import { topTrust } from '../repository/repository-state.ts'
import type { RoleTrust } from '../threshold.ts'
import type { CeremonyRequest } from './ceremony-request.ts'

/** A key that people shall hold and that a server has, too. */
export interface MixedKey {
  readonly keyid: string
  /** What it signs of people's, and of the server's. */
  readonly held: readonly string[]
  readonly served: readonly string[]
}

/**
 * Keys of root or targets that sign for `serversRoles` as well, once the request is published: whoever breaks into the server then
 * has a holder's key. As far as the request says who signs what.
 */
export function mixedKeys(request: CeremonyRequest, serversRoles: ReadonlySet<string>): readonly MixedKey[] {
  const held = new Map<string, string[]>()
  const served = new Map<string, string[]>()
  const keyids = new Map<string, string>()
  for (const [role, trust] of trustsAfter(request)) {
    const side = role === 'root' || role === 'targets' ? held : serversRoles.has(role) ? served : undefined
    if (side === undefined) continue
    for (const keyid of trust.keyids) {
      const fingerprint = trust.keys.get(keyid)?.fingerprint
      if (fingerprint === undefined) continue
      keyids.set(fingerprint, keyid)
      side.set(fingerprint, [...(side.get(fingerprint) ?? []), role])
    }
  }
  return Array.from(held, ([fingerprint, roles]) => ({
    keyid: keyids.get(fingerprint) ?? '',
    held: roles,
    served: served.get(fingerprint) ?? [],
  })).filter((one) => one.served.length > 0)
}

/** Who signs what, as the documents of the request will say, and else as it was. */
function trustsAfter({ root: before, current, documents }: CeremonyRequest): readonly (readonly [string, RoleTrust])[] {
  let root = before?.signed
  const delegations = new Map<string, Delegations | undefined>()
  for (const [role, { signed }] of current) delegations.set(role, signed.delegations)
  for (const document of documents) {
    if (document.kind === 'root') root = document.signed
    else delegations.set(document.role, document.signed.delegations)
  }
  const tops = ['root', 'targets', 'snapshot', 'timestamp'] as const
  return [
    ...(root === undefined ? [] : tops.map((role) => [role, topTrust(root, role)] as const)),
    ...[...delegations.values()].flatMap((one) => (one === undefined ? [] : delegatedTrusts(one))),
  ]
}

function delegatedTrusts({ keys, roles, succinct }: Delegations): readonly (readonly [string, RoleTrust])[] {
  return [
    ...roles.map((role) => [role.name, { ...role, keys }] as const),
    ...(succinct === undefined ? [] : [[succinct.namePrefix, { ...succinct, keys }] as const]),
  ]
}
