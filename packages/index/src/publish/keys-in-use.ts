import type { PublicKey, RepositoryState } from '@waxseal/trust'
import { rolesOfKey, trustIn } from './ceremony-wishes.ts'
import type { OfflineKey, OnlineKey } from './role-table.ts'

/** The keys that sign for something now. */
export interface KeysInUse {
  readonly name: OfflineKey | OnlineKey
  readonly threshold: number
  readonly keys: readonly PublicKey[]
  /** When the first of what they signed ends, in milliseconds since 1970. */
  readonly expires: number
}

export function inUse(state: RepositoryState, name: KeysInUse['name'], roles: readonly string[]): KeysInUse {
  const [first = name] = roles
  const { keyids, keys, threshold } = trustIn(state, first)
  const { root, timestamp, snapshot } = state
  const top = new Map([
    ['root', root.signed.expires],
    ['timestamp', timestamp.expires],
    ['snapshot', snapshot.expires],
  ])
  const covers = (role: string): boolean => roles.some((one) => role === one || role.startsWith(`${one}-`))
  const ends = [...state.entries].filter(({ role }) => covers(role)).map(({ expires }) => expires)
  const expires = top.get(first) ?? ends.reduce((soonest, each) => Math.min(soonest, each), Infinity)
  return { name, threshold, keys: keyids.flatMap((keyid) => keys.get(keyid) ?? []), expires }
}

export function keyIdsOf(name: OnlineKey, state: RepositoryState): readonly string[] {
  const [role = name] = rolesOfKey(state.layout.table, name)
  return trustIn(state, role).keyids
}

export function sameKeys(name: OnlineKey, before: RepositoryState, after: RepositoryState): boolean {
  return keyIdsOf(name, before).join() === keyIdsOf(name, after).join()
}
