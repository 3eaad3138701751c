import { TrustError } from '../error.ts'
import type { MetaFile, Metadata, Snapshot, Targets } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import { checkFresh } from './fresh.ts'

/** What the snapshot says of a role. One that it does not list cannot be had: never "skip to the next" (attacks.md FZ-ROLE). */
export function listed(snapshot: Snapshot, role: string): MetaFile {
  const meta = snapshot.meta.get(role)
  if (meta === undefined) throw new TrustError('missing-role', `${role} is delegated to, and not in the snapshot.`)
  return meta
}

/**
 * A targets role, top-level or delegated, as `trust`, whoever delegates to it here, wants it signed and the snapshot lists it.
 * @throws TrustError
 */
export function verifiedTargets(
  role: string,
  trust: RoleTrust,
  meta: MetaFile,
  bytes: Uint8Array,
  now: number,
): Metadata<Targets> {
  // 5.6.2: hashes and length, where the snapshot lists them (attacks.md MM-1).
  checkMetaFile(role, meta, bytes)
  const targets = readMetadata('targets', bytes)
  // 5.6.3: a threshold of the keys of this delegator; another's do not count (attacks.md DEL-6, ARB-2).
  verifyThreshold(role, targets, trust)
  // 5.6.4
  if (targets.signed.version !== meta.version) {
    throw new TrustError(
      'version-mismatch',
      `${role} has version ${targets.signed.version} where ${meta.version} is signed.`,
    )
  }
  // 5.6.5
  checkFresh(role, targets.signed, now)
  return targets
}
