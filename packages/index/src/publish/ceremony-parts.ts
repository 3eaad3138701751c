import type { SignerContext } from '@waxseal/trust'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import type { SigningKeys } from './online-keys.ts'
import type { Publisher } from './publisher.ts'
import type { SignedRepository } from './signed-repository.ts'

/** What the ceremonies of an index work on. */
export interface CeremonyParts {
  readonly store: Store
  readonly blobs: Pick<BlobStore, 'get'>
  readonly clock: Clock
  readonly dataDir: string
  readonly keys: SigningKeys
  readonly publisher: Publisher
  /** Undefined while the index is not signed. */
  readonly openSigned: () => Promise<SignedRepository | undefined>
  readonly context: SignerContext
  /** Who does it, for the snapshot's row. */
  readonly by: string
}
