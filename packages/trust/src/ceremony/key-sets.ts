import type { Delegations, RoleKeys, TopLevelRole } from '../metadata.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'
import type { PublicKey } from '../public-key.ts'
import type { RepositoryState } from '../repository/repository-state.ts'
import { topTrust } from '../repository/repository-state.ts'
import type { KeySet } from '../repository/role-document.ts'
import { checkKeySet } from '../repository/role-document.ts'
import { invalid } from './ceremony-invalid.ts'

/** Keys by id, and what takes their place: `undefined` where nothing does. */
export type KeyReplacements = ReadonlyMap<string, PublicKey | undefined>

/** The key sets that change, of top-level roles and of those that a role of the table delegates to (bins by their prefix). */
export interface ChangedKeySets {
  readonly top: ReadonlyMap<TopLevelRole, KeySet>
  readonly delegated: ReadonlyMap<string, { readonly delegator: string; readonly keySet: KeySet }>
}

/**
 * Works out which key sets change when keys are replaced wherever they stand, or sets given outright.
 * @throws TrustError `metadata-invalid` where a threshold could not be met, `ceremony-invalid` for keys and roles nobody knows
 */
export function keySetsAfter(
  state: RepositoryState,
  replace: KeyReplacements,
  given: ReadonlyMap<string, KeySet>,
): ChangedKeySets {
  const top = new Map<TopLevelRole, KeySet>()
  const delegated = new Map<string, { delegator: string; keySet: KeySet }>()
  const found = new Set<string>()
  const after = (role: string, roleKeys: RoleKeys, keys: ReadonlyMap<string, PublicKey>): KeySet | undefined => {
    for (const keyid of roleKeys.keyids) if (replace.has(keyid)) found.add(keyid)
    const keySet = given.get(role) ?? replaced(roleKeys, keys, replace)
    if (given.has(role)) found.add(role)
    if (keySet !== undefined) checkKeySet(role, keySet)
    return keySet
  }
  for (const role of TOP_LEVEL_ROLES) {
    const trust = topTrust(state.root.signed, role)
    const keySet = after(role, trust, trust.keys)
    if (keySet !== undefined) top.set(role, keySet)
  }
  for (const [delegator, delegations] of state.delegators) {
    for (const [role, roleKeys] of rolesOf(delegations)) {
      const keySet = after(role, roleKeys, delegations.keys)
      if (keySet !== undefined) delegated.set(role, { delegator, keySet })
    }
  }
  const unknown = [...replace.keys(), ...given.keys()].filter((name) => !found.has(name))
  if (unknown.length > 0) throw invalid(`nobody lists ${unknown.join(', ')}`)
  return { top, delegated }
}

function rolesOf({ roles, succinct }: Delegations): readonly (readonly [string, RoleKeys])[] {
  return succinct === undefined ? roles.map((role) => [role.name, role]) : [[succinct.namePrefix, succinct]]
}

/** `undefined` where no key of the set is replaced. */
function replaced(
  { keyids, threshold }: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
  replace: KeyReplacements,
): KeySet | undefined {
  if (!keyids.some((keyid) => replace.has(keyid))) return undefined
  const next = keyids.flatMap((keyid) => (replace.has(keyid) ? replace.get(keyid) : keys.get(keyid)) ?? [])
  return { keys: next, threshold }
}
