import type { TrustErrorCode } from '../../error.ts'
import { TrustError } from '../../error.ts'

/** For `assert.throws` and `assert.rejects`: a refusal of this kind, with these words in what it says. */
export function refusedWith(code: TrustErrorCode, words = ''): (error: unknown) => boolean {
  return (error) => error instanceof TrustError && error.code === code && error.message.includes(words)
}
