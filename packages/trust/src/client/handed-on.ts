import { TrustError } from '../error.ts'
import { checkNoRollback, signedSnapshot } from './snapshot.ts'
import type { SnapshotFile } from './snapshot.ts'
import { hasRevoked, nextRoot, trustedRoot } from './root.ts'
import { signedTimestamp } from './timestamp.ts'
import { initialiseState, loadState, stateChanged } from './trust-client.ts'
import { hasCurrentSnapshot, snapshotOf, timestampOf, withRoot } from './trusted-set.ts'
import type { TrustedSet } from './trusted-set.ts'
import type { TrustState } from './trust-io.ts'

/**
 * What one client of a repository hands on to another, so that this one need not believe an older state: files as they were
 * received. That they have expired does not matter: their versions are floors all the same (specification 5.4.3, 5.5.5).
 */
export interface HandedOn {
  /** From the root that the trust began with to the newest that was seen, none left out. */
  readonly roots: readonly [Uint8Array, ...(readonly Uint8Array[])]
  readonly timestamp: Uint8Array
  /** The one that the timestamp names. */
  readonly snapshot: Uint8Array
}

/**
 * What a state has to hand on, but for the roots before its own.
 * @throws TrustError `state-invalid` where it holds no whole set, as while another process brings it up to date
 */
export async function trustedIn(state: TrustState): Promise<HandedOn & { readonly rootVersion: number }> {
  const { set } = await loadState(state)
  if (!hasCurrentSnapshot(set)) throw new TrustError('state-invalid', 'There is no whole trusted set.')
  return {
    roots: [set.root.bytes],
    rootVersion: set.root.signed.version,
    timestamp: timestampOf(set).bytes,
    snapshot: snapshotOf(set).bytes,
  }
}

/**
 * Verifies what was handed on, all of it: each root by the one before (5.3.4, 5.3.5), timestamp and snapshot by the last one. Why
 * the first root is trusted is the caller's to know.
 * @throws TrustError
 */
export function readHandedOn({
  roots: [first, ...later],
  timestamp,
  snapshot,
}: HandedOn): TrustedSet & { readonly snapshot: SnapshotFile } {
  const root = later.reduce(nextRoot, trustedRoot(first))
  const set = {
    root,
    timestamp: signedTimestamp(root, timestamp),
    snapshot: signedSnapshot(root, snapshot),
    issued: 0,
  }
  if (!hasCurrentSnapshot(set)) {
    throw new TrustError('version-mismatch', 'The snapshot is not the one that the timestamp names.')
  }
  return set
}

/**
 * Has a state begin with what was handed on, or go on from there: what it has seen itself and is newer stays.
 * @throws TrustError `state-invalid` where it began with another root; `rollback` or `equivocation` where what it has seen and what
 * was handed on are not one history; what `readHandedOn` throws. Nothing is changed then.
 */
export async function raiseState(state: TrustState, given: HandedOn): Promise<void> {
  const theirs = readHandedOn(given)
  const [first] = given.roots
  await initialiseState(state, first)
  const { set, stored } = await loadState(state)
  const behind = theirs.root.signed.version - set.root.signed.version
  const ours = given.roots
    .slice(behind > 0 ? -behind : given.roots.length)
    .reduce((before, bytes) => withRoot(before, bytes).set, set)
  // 5.3.11: once their keys were replaced, as a newer root here says, versions are floors no more.
  const { timestamp, snapshot } = hasRevoked(theirs.root.signed, ours.root.signed) ? ours : theirs
  if (ours.snapshot !== undefined && snapshot !== undefined) checkOneHistory(ours.snapshot, snapshot)
  const files = [
    ['root', ours.root],
    ['timestamp', newer(ours.timestamp, timestamp)],
    ['snapshot', newer(ours.snapshot, snapshot)],
  ] as const
  for (const [role, file] of files) {
    if (!(await state.swap(role, stored.get(role), file?.bytes))) throw stateChanged()
  }
}

function checkOneHistory(one: SnapshotFile, other: SnapshotFile): void {
  const [before, after] = one.signed.version < other.signed.version ? [one, other] : [other, one]
  checkNoRollback(before.signed.meta, after.signed.meta)
  if (before.signed.version < after.signed.version || Buffer.compare(before.signedBytes, after.signedBytes) === 0)
    return
  throw new TrustError('equivocation', `snapshot ${after.signed.version} was signed twice, with different contents.`)
}

function newer<T extends { readonly signed: { readonly version: number } }>(
  ours: T | undefined,
  theirs: T | undefined,
): T | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs
  return theirs.signed.version > ours.signed.version ? theirs : ours
}
