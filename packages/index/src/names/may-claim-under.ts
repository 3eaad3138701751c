import type { Kysely } from 'kysely'
import { holderOf, usersOf } from '../register/holder.ts'
import type { Database } from '../store/schema.ts'
import { OPERATOR_OWNER } from './namespaces.ts'
import type { Namespace } from './namespaces.ts'

/** Whoever wants to claim a name, as the credential says. */
export interface Claimant {
  readonly scope: 'read' | 'upload' | 'admin'
  readonly user?: string | undefined
}

/**
 * Whether a new name under a granted namespace may be this user's (PEP 752): its owner's, a member's of the team that owns it at this
 * moment (attacks.md NAME-XFER), and whatever administrators claim.
 */
export async function mayClaimUnder(
  db: Kysely<Database>,
  { owner }: Pick<Namespace, 'owner'>,
  { scope, user }: Claimant,
): Promise<boolean> {
  if (scope === 'admin') return true
  // Nobody becomes the operator by being called so.
  if (scope !== 'upload' || owner === OPERATOR_OWNER || user === undefined) return false
  return (await usersOf(db, holderOf(owner))).includes(user)
}
