import { generatePrivateKey, keySigner } from '@waxseal/trust'
import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import { initialiseSigning } from '../initialise-signing.ts'
import type { FirstKeys, FirstRoot } from '../initialise-signing.ts'
import { OFFLINE_KEYS, ONLINE_KEYS } from '../role-table.ts'

/** Keys for tests, in memory alone. */
export function someKeys(): FirstKeys {
  const make = <T extends string>(names: readonly T[]) =>
    Object.fromEntries(names.map((name) => [name, keySigner(generatePrivateKey())])) as Record<
      T,
      ReturnType<typeof keySigner>
    >
  return { offline: make(OFFLINE_KEYS), online: make(ONLINE_KEYS) }
}

/** Signs a store that has no pages, as a test needs it. */
export async function signStore(store: Store, clock: Clock, keys: FirstKeys = someKeys()): Promise<FirstRoot> {
  const blobs = { get: async () => undefined }
  return await initialiseSigning({ store, blobs, clock, publisher: 'test' }, 'small', keys)
}
