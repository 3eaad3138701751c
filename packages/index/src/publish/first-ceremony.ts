import { signersById } from '@waxseal/trust'
import type { CeremonyRequest, KeySet, PublicKey, Root, Signer, Signers, Targets } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import { OFFLINE_KEYS, ONLINE_KEYS, REPOSITORY_SIZES } from './role-table.ts'
import type { OfflineKey, OnlineKey, RepositorySize } from './role-table.ts'
import type { TrustSettings } from './trust-settings.ts'

/** With whom an index begins to be signed, and how large. */
export interface FirstWishes extends Readonly<Record<OfflineKey, KeySet>> {
  readonly size: RepositorySize
}

/** What its table follows from: the holders are named by their place. */
export function firstSettings(wishes: FirstWishes): TrustSettings {
  const holders = (name: OfflineKey): TrustSettings[OfflineKey] => {
    const { keys, threshold } = wishes[name]
    return { keys: keys.map((_, at) => `${name}-${at + 1}`), threshold }
  }
  return { size: wishes.size, root: holders('root'), targets: holders('targets') }
}

/** The keys of that table, by name, and those of them that sign here. */
export function firstKeys(
  wishes: FirstWishes,
  online: Readonly<Record<OnlineKey, Signer>>,
): { readonly keys: ReadonlyMap<string, PublicKey>; readonly signers: Signers } {
  const keys = new Map<string, PublicKey>()
  for (const name of OFFLINE_KEYS) wishes[name].keys.forEach((key, at) => keys.set(`${name}-${at + 1}`, key))
  for (const name of ONLINE_KEYS) keys.set(name, online[name].key)
  return { keys, signers: signersById(Object.values(online)) }
}

/** The wishes that a first request was made from: it says all of them. @throws IndexError `conflict` where it does not */
export function wishesOf({ documents }: CeremonyRequest): FirstWishes {
  let root: Root | undefined
  let bins: Targets | undefined
  for (const document of documents) {
    if (document.kind === 'root') root = document.signed
    else if (document.role === 'bins') bins = document.signed
  }
  const bits = bins?.delegations?.succinct?.bitLength
  const [size] = Object.entries(REPOSITORY_SIZES).find(([, length]) => length === bits) ?? []
  const signers = root && OFFLINE_KEYS.map((name) => keySetOf(root, name))
  const [rootKeys, targets] = signers ?? []
  if (size === undefined || rootKeys === undefined || targets === undefined) {
    throw new IndexError('conflict', 'The request does not begin an index of this version: begin again.')
  }
  return { size: size as RepositorySize, root: rootKeys, targets }
}

function keySetOf({ roles, keys }: Root, name: OfflineKey): KeySet {
  const { keyids = [], threshold = 0 } = roles.get(name) ?? {}
  return { keys: keyids.flatMap((keyid) => keys.get(keyid) ?? []), threshold }
}
