import { TrustError } from '../error.ts'
import { MAX_ROLE_NAME } from '../limits.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'

/**
 * Lower-case letters first, so that no reader takes it for a number and moves it forward (tuf.md C), and no two names are one
 * on a file system without case; nothing that a URL or a file name writes differently (attacks.md DEL-5).
 */
const WRITABLE_NAME = /^[a-z][a-z0-9._-]*$/

/**
 * Checks the name of a delegated role, or the prefix of bins, that we are about to sign.
 * @throws TrustError `metadata-invalid`
 */
export function checkRoleName(name: string): void {
  if (name.length <= MAX_ROLE_NAME && WRITABLE_NAME.test(name) && !isTopLevel(name)) return
  throw new TrustError('metadata-invalid', `${JSON.stringify(name.slice(0, 80))} cannot be the name of a role.`)
}

function isTopLevel(name: string): boolean {
  return (TOP_LEVEL_ROLES as readonly string[]).includes(name)
}
