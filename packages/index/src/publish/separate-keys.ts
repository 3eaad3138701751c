import type { CeremonyChanges, PublicKey, RepositoryState } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import { heldBy, rolesOfKey, trustIn } from './ceremony-wishes.ts'
import { OFFLINE_KEYS, ONLINE_KEYS } from './role-table.ts'

/** Keys of people, and keys of the server. */
export interface KeySides {
  readonly offline: readonly PublicKey[]
  readonly online: readonly PublicKey[]
}

/** The keys that count now, or would after `changes`. */
export function keySides(state: RepositoryState, { replaceKeys, keySets }: CeremonyChanges = {}): KeySides {
  const keysOf = (role: string): readonly PublicKey[] => {
    const { keyids, keys } = trustIn(state, role)
    const after = keyids.flatMap((keyid) => (replaceKeys?.has(keyid) ? replaceKeys.get(keyid) : keys.get(keyid)) ?? [])
    return keySets?.get(role)?.keys ?? after
  }
  return {
    offline: OFFLINE_KEYS.flatMap((name) => heldBy(state, name)).flatMap(keysOf),
    online: ONLINE_KEYS.flatMap((name) => rolesOfKey(state.layout.table, name)).flatMap(keysOf),
  }
}

/**
 * A key that comes must not stand on the other side, before or after: whoever breaks into a server would have a holder's key.
 * @throws IndexError `not-allowed`
 */
export function refuseMixedKeys(before: KeySides, after: KeySides): void {
  const [server] = comesTo(before, after, 'offline', 'online')
  if (server !== undefined) {
    throw new IndexError(
      'not-allowed',
      `The key ${server.keyid} is one of the server's, and whoever breaks into that would sign as a holder: have the holder make a key (waxseal key new).`,
    )
  }
  const [holder] = comesTo(before, after, 'online', 'offline')
  if (holder !== undefined) {
    throw new IndexError(
      'not-allowed',
      `The key ${holder.keyid} is a holder's, and would have to lie on the server: give the server a key of its own (--online NAME=new).`,
    )
  }
}

/** Keys that are new on one side and stand on the other. */
function comesTo(before: KeySides, after: KeySides, side: keyof KeySides, other: keyof KeySides): readonly PublicKey[] {
  const known = new Set(before[side].map(({ fingerprint }) => fingerprint))
  const opposite = new Set([...before[other], ...after[other]].map(({ fingerprint }) => fingerprint))
  return after[side].filter(({ fingerprint }) => !known.has(fingerprint) && opposite.has(fingerprint))
}
