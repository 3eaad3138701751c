import { draftCeremony, draftFirstCeremony } from '@waxseal/trust'
import type { CeremonyRequest, PublicKey } from '@waxseal/trust'
import type { CeremonyParts } from './ceremony-parts.ts'
import { ceremonyChanges } from './ceremony-wishes.ts'
import type { CeremonyWishes } from './ceremony-wishes.ts'
import { firstKeys, firstSettings } from './first-ceremony.ts'
import type { FirstWishes } from './first-ceremony.ts'
import { makeNextKey } from './next-keys.ts'
import { makeOnlineKeys } from './online-keys.ts'
import { OFFLINE_KEYS, ONLINE_KEYS, roleTable } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'
import { keySides, refuseMixedKeys } from './separate-keys.ts'
import type { SignedRepository } from './signed-repository.ts'

/** What a ceremony changes; an online key that is `new` is made beside the old one. */
export interface BegunWishes extends Omit<CeremonyWishes, 'online'> {
  readonly online?: ReadonlyMap<OnlineKey, PublicKey | 'new'>
}

/**
 * The request of a ceremony on a signed index. New online keys are made, and stay where it is refused.
 * @throws IndexError `not-found`, `not-allowed` for keys that nobody may have; TrustError `ceremony-invalid` where nothing would change
 */
export async function draftNext(
  { clock, keys }: CeremonyParts,
  signed: SignedRepository,
  { online = new Map<OnlineKey, 'new'>(), ...wishes }: BegunWishes,
): Promise<CeremonyRequest> {
  const state = await signed.state()
  const now = clock.now()
  const made = new Map<OnlineKey, PublicKey>()
  for (const [name, key] of online) made.set(name, key === 'new' ? await makeNextKey(keys, name) : key)
  const changes = ceremonyChanges(state, { ...wishes, online: made }, now)
  refuseMixedKeys(keySides(state), keySides(state, changes))
  return await draftCeremony(state, changes, { now, load: signed.load })
}

/** The request of the first ceremony of an index, whose online keys are made. @throws IndexError `not-allowed` */
export async function draftFirst(
  { dataDir, keys, clock, context }: CeremonyParts,
  wishes: FirstWishes,
): Promise<CeremonyRequest> {
  const table = roleTable(wishes.size, firstSettings(wishes))
  const online = await makeOnlineKeys(dataDir, keys, context)
  refuseMixedKeys(
    { offline: [], online: [] },
    {
      offline: OFFLINE_KEYS.flatMap((name) => wishes[name].keys),
      online: ONLINE_KEYS.map((name) => online[name].key),
    },
  )
  return draftFirstCeremony(table, firstKeys(wishes, online).keys, clock.now())
}
