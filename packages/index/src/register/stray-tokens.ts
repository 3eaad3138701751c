import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Database } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'

/**
 * Revokes the tokens for `project` alone of users who have left it: what was granted ends with the right that it came from
 * (attacks.md NAME-XFER). Others' tokens, such as one that only installs it, are none of its business. To be followed by
 * `accessChanged` after the commit.
 */
export async function revokeStrayTokens(
  tx: Transaction<Database>,
  project: string,
  { left, at, actor }: { readonly left: readonly string[]; readonly at: string; readonly actor: Actor },
): Promise<void> {
  if (left.length === 0) return
  const tokens = await tx
    .updateTable('token')
    .set({ revoked_at: at })
    .where('project', '=', project)
    .where('user', 'in', left)
    .where('revoked_at', 'is', null)
    .returning(['id', 'user', 'scope', 'expires_at as expires'])
    .execute()
  for (const { id, user, scope, expires } of tokens) {
    const before = { user, scope, project, expires }
    await recordAction(tx, { kind: 'token-revoked', at, by: actor, project, subject: id, before, detail: { id, user } })
  }
}
