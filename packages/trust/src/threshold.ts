import { TrustError } from './error.ts'
import type { Metadata, RoleKeys } from './metadata.ts'
import { isSignedBy } from './public-key.ts'
import type { PublicKey } from './public-key.ts'

/** Whose signatures count for a role, as whoever delegates to it says. */
export interface RoleTrust extends RoleKeys {
  readonly keys: ReadonlyMap<string, PublicKey>
}

/**
 * The keys of `trust` that have signed `metadata`: each key once, under however many ids it is listed (attacks.md ARB-3).
 */
export function signersOf(
  metadata: Pick<Metadata, 'signatures' | 'signedBytes'>,
  trust: RoleTrust,
): readonly PublicKey[] {
  const signers = new Map<string, PublicKey>()
  const keyids = new Set(trust.keyids)
  for (const { keyid, signature } of metadata.signatures) {
    const key = keyids.has(keyid) ? trust.keys.get(keyid) : undefined
    if (key === undefined || signers.has(key.fingerprint)) continue
    if (isSignedBy(key, metadata.signedBytes, signature)) signers.set(key.fingerprint, key)
  }
  return [...signers.values()]
}

/**
 * Checks that a threshold of different keys has signed (specification 5.3.4, 5.4.2, 5.5.3, 5.6.3). Returns who did.
 * @throws TrustError `threshold-not-met`
 */
export function verifyThreshold(
  role: string,
  metadata: Pick<Metadata, 'signatures' | 'signedBytes'>,
  trust: RoleTrust,
): readonly PublicKey[] {
  const signers = signersOf(metadata, trust)
  if (signers.length >= trust.threshold) return signers
  throw new TrustError(
    'threshold-not-met',
    `${role} is signed by ${signers.length} of the ${trust.threshold} keys that it needs.`,
  )
}
