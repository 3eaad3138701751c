import type { SignerContext } from '@waxseal/trust'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import { checkOnlineKeys } from './check-keys.ts'
import { openSigners } from './next-keys.ts'
import type { SigningKeys } from './online-keys.ts'
import { SignedRepository } from './signed-repository.ts'
import { readRoleTable } from './trust-settings.ts'

/** The signed side of an index; undefined while it is not signed. Its keys are opened with the first signature. */
export async function openSigned(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly keys: SigningKeys
  readonly context: SignerContext
}): Promise<SignedRepository | undefined> {
  const { store, clock, keys, context } = parts
  const table = await readRoleTable(store.db)
  if (table === undefined) return undefined
  return new SignedRepository({
    store,
    clock,
    table,
    openSigners: () => openSigners(keys, context),
    checkKeys: (state) => checkOnlineKeys(state, keys, context),
  })
}
