import { readMetadata } from '@waxseal/trust'
import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'

/** Roles of developers, as shards delegate to them (design.md section 7). */
const PREFIX = 'p.'

/** The projects whose files their developers sign with keys of their own. */
export async function projectsWithDevelopers(db: Kysely<Database>): Promise<ReadonlySet<string>> {
  const shards = await db
    .selectFrom('tuf_file')
    .select('body')
    .where('superseded_at', 'is', null)
    .where((on) => on.or([on('role', 'like', 'sealed-%'), on('role', 'like', 'claimed-%')]))
    // Hundreds of shards delegate to nobody.
    .where('body', 'like', `%"${PREFIX}%`)
    .execute()
  const roles = shards.flatMap(({ body }) => readMetadata('targets', Buffer.from(body)).signed.delegations?.roles ?? [])
  return new Set(roles.flatMap(({ name }) => (name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])))
}
