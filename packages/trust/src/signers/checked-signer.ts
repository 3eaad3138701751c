import { TrustError } from '../error.ts'
import { MAX_EXCERPT } from '../limits.ts'
import { isSignedBy } from '../public-key.ts'
import type { PublicKey } from '../public-key.ts'
import type { Signer } from '../signer.ts'

/**
 * A signer whose key is somewhere else. Each signature is checked before it is handed on: a key that was replaced there, or an
 * answer mixed up on the way, would else be found by everybody who verifies what was published. `where` says in messages what
 * signed: `The token waxseal`.
 */
export function checkedSigner(
  key: PublicKey,
  where: string,
  signElsewhere: (bytes: Uint8Array) => Promise<Uint8Array>,
): Signer {
  return {
    key,
    async sign(bytes) {
      const signature = await signElsewhere(bytes)
      if (isSignedBy(key, bytes, signature)) return signature
      const message = `${where} made a signature that is not one of the key ${key.keyid}: see whether the key there was replaced, and start again.`
      throw new TrustError('signer-failed', message)
    },
  }
}

/** The beginning of what a tool or service said, on one line, without any of `secrets`: some repeat what they were sent. */
export function excerpt(text: string, secrets: readonly string[] = []): string {
  let shown = text
  for (const secret of secrets) shown = shown.replaceAll(secret, '***')
  shown = shown.replaceAll(/[^\P{C}]|\s+/gu, ' ').trim()
  return shown.length > MAX_EXCERPT ? `${shown.slice(0, MAX_EXCERPT)}…` : shown
}
