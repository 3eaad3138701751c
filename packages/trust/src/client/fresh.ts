import { TrustError } from '../error.ts'
import type { SignedCommon } from '../metadata.ts'
import { writeTime } from '../timestamps.ts'

/**
 * The freeze check of every role: it must expire after `now` (specification 5.3.10, 5.4.4, 5.5.6, 5.6.5; attacks.md FZ-TS).
 * @throws TrustError `expired`
 */
export function checkFresh(role: string, { expires, version }: SignedCommon, now: number): void {
  if (expires > now) return
  throw new TrustError('expired', `${role} version ${version} expired at ${writeTime(expires)}.`)
}
