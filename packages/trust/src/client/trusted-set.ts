import { TrustError } from '../error.ts'
import type { Metadata, Root, Timestamp } from '../metadata.ts'
import { nextRoot, hasRevoked, trustedRoot } from './root.ts'
import { isCurrent, nextSnapshot, signedSnapshot } from './snapshot.ts'
import type { SnapshotFile } from './snapshot.ts'
import { nextTimestamp, signedTimestamp } from './timestamp.ts'

/**
 * What a client trusts of the top-level roles: a value that each step of the workflow takes and returns anew. A snapshot that
 * is older than the timestamp says is there to be compared with, not to be used.
 */
export interface TrustedSet {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp> | undefined
  readonly snapshot: SnapshotFile | undefined
  /** The newest `x-issued` seen, in milliseconds since 1970: no clock is believed to be earlier (attacks.md FZ-CLK). */
  readonly issued: number
}

/** What was stored, role by role. */
export interface StoredSet {
  readonly root: Uint8Array
  readonly timestamp: Uint8Array | undefined
  readonly snapshot: Uint8Array | undefined
}

/**
 * The trusted set from what was stored. A root that is not whole is an error; a timestamp or snapshot that does not count under
 * it is as if it were not there.
 * @throws TrustError `state-invalid`
 */
export function loadSet(stored: StoredSet): TrustedSet {
  let root: Metadata<Root>
  try {
    root = trustedRoot(stored.root)
  } catch (cause) {
    throw new TrustError('state-invalid', 'The trusted root is not whole; it has to be given anew.', { cause })
  }
  const timestamp = ifValid(stored.timestamp, (bytes) => signedTimestamp(root, bytes))
  const snapshot = ifValid(stored.snapshot, (bytes) => signedSnapshot(root, bytes))
  return { root, timestamp, snapshot, issued: timestamp?.signed.issued ?? 0 }
}

/** 5.3: the next root. `revoked` tells that the trusted timestamp and snapshot are gone with it (5.3.11). */
export function withRoot(set: TrustedSet, bytes: Uint8Array): { readonly set: TrustedSet; readonly revoked: boolean } {
  const root = nextRoot(set.root, bytes)
  if (hasRevoked(set.root.signed, root.signed)) {
    // The time goes too: whoever had the timestamp's key could have signed any.
    return { set: { root, timestamp: undefined, snapshot: undefined, issued: 0 }, revoked: true }
  }
  // What no longer counts under the new root (a raised threshold) is not trusted any more, as if it had been loaded now.
  const timestamp = ifValid(set.timestamp?.bytes, (given) => signedTimestamp(root, given))
  const snapshot = ifValid(set.snapshot?.bytes, (given) => signedSnapshot(root, given))
  return { set: { ...set, root, timestamp, snapshot }, revoked: false }
}

/** 5.4: the timestamp, by the reader's `clock`. The set comes back as it was where there is nothing new. */
export function withTimestamp(
  set: TrustedSet,
  bytes: Uint8Array,
  clock: number,
): { readonly set: TrustedSet; readonly equivocation: boolean } {
  const now = Math.max(clock, set.issued)
  const outcome = nextTimestamp(set.root, set.timestamp, bytes, { clock, now })
  if (outcome.kind !== 'new') return { set, equivocation: outcome.kind === 'equivocation' }
  const { timestamp } = outcome
  const issued = Math.max(set.issued, timestamp.signed.issued ?? 0)
  return { set: { ...set, timestamp, issued }, equivocation: false }
}

/** 5.5: the snapshot that the trusted timestamp names. */
export function withSnapshot(set: TrustedSet, bytes: Uint8Array, now: number): TrustedSet {
  const snapshot = nextSnapshot(set.root, timestampOf(set), set.snapshot, bytes, now)
  return { ...set, snapshot }
}

/** Whether the trusted snapshot is the one that the trusted timestamp names. */
export function hasCurrentSnapshot(set: TrustedSet): boolean {
  return isCurrent(timestampOf(set), set.snapshot)
}

/** @throws TrustError `state-invalid` where there is none */
export function timestampOf({ timestamp }: TrustedSet): Metadata<Timestamp> {
  if (timestamp === undefined) throw nothingYet('timestamp')
  return timestamp
}

/** @throws TrustError `state-invalid` where there is none */
export function snapshotOf({ snapshot }: TrustedSet): SnapshotFile {
  if (snapshot === undefined) throw nothingYet('snapshot')
  return snapshot
}

function nothingYet(role: string): TrustError {
  return new TrustError('state-invalid', `There is no trusted ${role} yet; refresh first.`)
}

function ifValid<T>(bytes: Uint8Array | undefined, read: (bytes: Uint8Array) => T): T | undefined {
  if (bytes === undefined) return undefined
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof TrustError) return undefined
    throw error
  }
}
