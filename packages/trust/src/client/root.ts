import { TrustError } from '../error.ts'
import type { Metadata, Root, TopLevelRole } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'

/** Whose signatures count for a role that root names. */
export function trustOf(root: Root, role: TopLevelRole): RoleTrust {
  const keys = root.roles.get(role) ?? { keyids: [], threshold: Number.POSITIVE_INFINITY }
  return { ...keys, keys: root.keys }
}

/**
 * Reads the root that a client was given to begin with, or that it stored (specification 5.2). That it is signed by its own
 * keys tells only that it is whole; why it is trusted is the caller's to know. Its expiry does not matter yet (5.3).
 * @throws TrustError
 */
export function trustedRoot(bytes: Uint8Array): Metadata<Root> {
  const root = readMetadata('root', bytes)
  verifyThreshold('root', root, trustOf(root.signed, 'root'))
  return root
}

/**
 * The next root, from the one that is trusted.
 * @throws TrustError
 */
export function nextRoot(trusted: Metadata<Root>, bytes: Uint8Array): Metadata<Root> {
  const root = readMetadata('root', bytes)
  // 5.3.4: a threshold of the old keys and one of the new (attacks.md KC-7, ARB-2).
  verifyThreshold('root', root, trustOf(trusted.signed, 'root'))
  verifyThreshold('root', root, trustOf(root.signed, 'root'))
  // 5.3.5: exactly the next one, so that none can be left out (attacks.md RB-ROOT).
  if (root.signed.version !== trusted.signed.version + 1) {
    throw new TrustError(
      root.signed.version <= trusted.signed.version ? 'rollback' : 'version-mismatch',
      `root has version ${root.signed.version} where ${trusted.signed.version + 1} follows.`,
    )
  }
  return root
}

/**
 * Whether a key of timestamp or snapshot was taken away: whoever had it may have signed versions far ahead, so that what is
 * stored of both is deleted (5.3.11; attacks.md FF-TS, FF-SN, FF-TG). A key that is only added had no such chance before.
 */
export function hasRevoked(before: Root, after: Root): boolean {
  return (['timestamp', 'snapshot'] as const).some((role) => {
    const kept = new Set(fingerprints(after, role))
    return fingerprints(before, role).some((fingerprint) => !kept.has(fingerprint))
  })
}

function fingerprints(root: Root, role: TopLevelRole): readonly string[] {
  return trustOf(root, role).keyids.map((keyid) => root.keys.get(keyid)?.fingerprint ?? keyid)
}
