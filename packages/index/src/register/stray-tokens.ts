import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Database } from '../store/schema.ts'
import { recordEvent } from '../telemetry/events.ts'

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
    .returning(['id', 'user'])
    .execute()
  for (const detail of tokens) {
    await recordEvent(tx, { kind: 'token-revoked', at, actor: actor.name, project, detail })
  }
}
