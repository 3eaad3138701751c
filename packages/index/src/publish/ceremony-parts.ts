import type { CeremonyRequest, SignerContext } from '@waxseal/trust'
import type { Transaction } from 'kysely'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../store/schema.ts'
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
  /** What else holds once a ceremony is out: written in its transaction, or nothing of it comes out. */
  readonly record?: RecordCeremony
}

/** `snapshot`: the one that it comes out in. What stands in its targets is in the request (`targetDifferences`). */
export type RecordCeremony = (
  tx: Transaction<Database>,
  published: { readonly request: CeremonyRequest; readonly snapshot: number; readonly at: string },
) => Promise<void>
