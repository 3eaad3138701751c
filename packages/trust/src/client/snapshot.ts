import { TrustError } from '../error.ts'
import type { MetaFile, Metadata, Root, Snapshot, Timestamp } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import { checkFresh } from './fresh.ts'
import { trustOf } from './root.ts'
import { readPlainSnapshot } from './plain-snapshot.ts'
import { rollback } from './timestamp.ts'

/** A snapshot as a client keeps it. */
export type SnapshotFile = Omit<Metadata<Snapshot>, 'document'>

/** A snapshot whose signatures count under `root` (specification 5.5.3). @throws TrustError */
export function signedSnapshot(root: Metadata<Root>, bytes: Uint8Array): SnapshotFile {
  const snapshot = readPlainSnapshot(bytes) ?? readMetadata('snapshot', bytes)
  verifyThreshold('snapshot', snapshot, trustOf(root.signed, 'snapshot'))
  return snapshot
}

/** Whether the trusted snapshot is the one that `timestamp` names, so that none needs to be fetched. */
export function isCurrent(timestamp: Metadata<Timestamp>, snapshot: SnapshotFile | undefined): boolean {
  const wanted = timestamp.signed.snapshot
  if (snapshot === undefined || snapshot.signed.version !== wanted.version) return false
  try {
    checkMetaFile('snapshot', wanted, snapshot.bytes)
  } catch {
    return false
  }
  return true
}

/** The snapshot that `timestamp` names, given the trusted one. @throws TrustError */
export function nextSnapshot(
  root: Metadata<Root>,
  timestamp: Metadata<Timestamp>,
  trusted: SnapshotFile | undefined,
  bytes: Uint8Array,
  now: number,
): SnapshotFile {
  // 5.5.2: what the timestamp lists of it, before anything of it is read.
  checkMetaFile('snapshot', timestamp.signed.snapshot, bytes)
  const snapshot = signedSnapshot(root, bytes)
  checkSnapshot(timestamp, snapshot.signed, now)
  if (trusted === undefined) return snapshot
  if (
    snapshot.signed.version === trusted.signed.version &&
    Buffer.compare(snapshot.signedBytes, trusted.signedBytes) !== 0
  ) {
    const message = `snapshot ${trusted.signed.version} was signed twice, with different contents (attacks.md RB-LEN).`
    throw new TrustError('equivocation', message)
  }
  checkNoRollback(trusted.signed.meta, snapshot.signed.meta)
  return snapshot
}

/** Version and expiry of a snapshot, apart from what it lists. @throws TrustError `version-mismatch` or `expired` */
export function checkSnapshot(
  timestamp: Metadata<Timestamp>,
  snapshot: Pick<Snapshot, 'version' | 'expires' | 'specVersion'>,
  now: number,
): void {
  const wanted = timestamp.signed.snapshot.version
  // 5.5.4
  if (snapshot.version !== wanted) {
    throw new TrustError('version-mismatch', `snapshot has version ${snapshot.version} where ${wanted} is signed.`)
  }
  // 5.5.6
  checkFresh('snapshot', snapshot, now)
}

/** 5.5.5: no role's version goes back, and none disappears (attacks.md RB-TG, RB-DEL, RB-RM). @throws TrustError `rollback` */
export function checkNoRollback(before: ReadonlyMap<string, MetaFile>, after: ReadonlyMap<string, MetaFile>): void {
  for (const [role, { version }] of before) {
    const next = after.get(role)
    if (next === undefined) {
      throw new TrustError('rollback', `${role} is no longer in the snapshot, after version ${version} of it was seen.`)
    }
    if (next.version < version) throw rollback(role, next.version, version)
  }
}
