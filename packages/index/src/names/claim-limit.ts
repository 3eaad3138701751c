import type { Kysely, Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { addressKey } from '../access/address-key.ts'
import { CLAIMS_WINDOW_MS, CLAIMS_PER_ADDRESS } from '../limits.ts'
import type { Database } from '../store/schema.ts'

/** Whose claims are too many, and when the next one is taken. */
export interface ClaimLimit {
  readonly who: 'user' | 'address'
  readonly claims: number
  /** ISO 8601. */
  readonly until: string
}

/**
 * Whether `actor` has claimed as many names by uploading as one may in a day, or their address has, behind which others may be
 * (attacks.md NAME-SQUAT). Counted in the database, so that neither a restart nor another node forgets.
 */
export async function claimLimit(
  db: Kysely<Database>,
  { actor, now, perDay }: { readonly actor: Actor; readonly now: number; readonly perDay: number },
): Promise<ClaimLimit | undefined> {
  const counted = [
    ['user', 'actor', actor.name, perDay],
    ['address', 'address', actor.address === null ? null : addressKey(actor.address), perDay * CLAIMS_PER_ADDRESS],
  ] as const
  for (const [who, column, value, claims] of counted) {
    if (value === null) continue
    const first = await db
      .selectFrom('name_claim')
      .select('at')
      .where(column, '=', value)
      .where('at', '>', iso(now - CLAIMS_WINDOW_MS))
      .orderBy('at', 'desc')
      .offset(claims - 1)
      .limit(1)
      .executeTakeFirst()
    if (first !== undefined) return { who, claims, until: iso(Date.parse(first.at) + CLAIMS_WINDOW_MS) }
  }
  return undefined
}

/** Notes a claim by upload, and lets go of those that count no more. */
export async function noteClaim(
  tx: Transaction<Database>,
  { project, at, actor }: { readonly project: string; readonly at: string; readonly actor: Actor },
): Promise<void> {
  const address = actor.address === null ? null : addressKey(actor.address)
  await tx
    .deleteFrom('name_claim')
    .where('at', '<=', iso(Date.parse(at) - CLAIMS_WINDOW_MS))
    .execute()
  await tx.insertInto('name_claim').values({ project, at, actor: actor.name, address }).execute()
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
