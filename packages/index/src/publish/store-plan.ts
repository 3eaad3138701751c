import type { Transaction } from 'kysely'
import type { PlannedFile } from '@waxseal/trust'
import { INSERT_CHUNK } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { forgetRaise } from './pending-raise.ts'

/**
 * Writes what a publish signed. All of it becomes visible with the transaction, or none: clients see the old timestamp with all
 * that it leads to, or the new one (design.md section 3, point 2). A version that is there already fails as a duplicate key: of
 * two publishers that both made it, the second begins anew.
 */
export async function storePlan(tx: Transaction<Database>, files: readonly PlannedFile[], at: string): Promise<void> {
  // Whatever is planned while versions have to rise raises them all.
  await forgetRaise(tx)
  for (let from = 0; from < files.length; from += INSERT_CHUNK) {
    const some = files.slice(from, from + INSERT_CHUNK)
    const roles = some.map(({ role }) => role)
    // Also of a root: which versions may go is for the collection to know.
    await tx
      .updateTable('tuf_file')
      .set({ superseded_at: at })
      .where('role', 'in', roles)
      .where('superseded_at', 'is', null)
      .execute()
    const rows = some.map(({ role, version, expires, bytes }) => ({
      role,
      version,
      body: Buffer.from(bytes).toString(),
      expires_at: new Date(expires).toISOString(),
      superseded_at: null,
    }))
    await tx.insertInto('tuf_file').values(rows).execute()
  }
}
