import type { Transaction } from 'kysely'
import type { Database, ProjectRow } from '../store/schema.ts'

/** A row for a name that nothing is recorded about, in the transaction of what has to be recorded. */
export async function insertProject(
  tx: Transaction<Database>,
  project: Pick<ProjectRow, 'name' | 'authority' | 'upstream'> & { readonly at: string; readonly displayName?: string },
): Promise<void> {
  const { name, authority, upstream, at, displayName = name } = project
  await tx
    .insertInto('project')
    .values({
      name,
      display_name: displayName,
      authority,
      upstream,
      rev: 0,
      status: 'active',
      status_reason: null,
      created_at: at,
    })
    .execute()
}
