import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import type { PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'
import type { RoleTrust } from '../threshold.ts'
import type { SignedDocument } from '../write-metadata.ts'
import { writeMetadata } from '../write-metadata.ts'
import type { Signers } from './repository-state.ts'

/** The signers at hand whose signatures count for a role. */
export function signersFor(trust: RoleTrust, signers: Signers): readonly Signer[] {
  return trust.keyids.flatMap((keyid) => {
    const signer = signers.get(keyid)
    return signer !== undefined && trust.keys.has(keyid) ? [signer] : []
  })
}

/** Whether the signers at hand are enough for a role. */
export function canSign(trust: RoleTrust, signers: Signers): boolean {
  return differentKeys(signersFor(trust, signers)) >= trust.threshold
}

/**
 * Signs a role with all signers at hand that count for it, under each of `trusts`; the first is the one that must be met.
 * @throws TrustError `threshold-not-met` or `signer-failed`
 */
export async function signRole(
  role: string,
  document: SignedDocument | JsonObject,
  [trust, ...others]: readonly [RoleTrust, ...RoleTrust[]],
  signers: Signers,
): Promise<Uint8Array> {
  if (!canSign(trust, signers)) {
    throw new TrustError(
      'threshold-not-met',
      `${role} needs ${trust.threshold} of its ${trust.keyids.length} keys, and ${signersFor(trust, signers).length} are here.`,
    )
  }
  const chosen = new Map<string, Signer>()
  for (const each of [trust, ...others])
    for (const signer of signersFor(each, signers)) chosen.set(signer.key.keyid, signer)
  return await writeMetadata(document, [...chosen.values()])
}

function differentKeys(signers: readonly Signer[]): number {
  return new Set(signers.map(({ key }: { readonly key: PublicKey }) => key.fingerprint)).size
}
