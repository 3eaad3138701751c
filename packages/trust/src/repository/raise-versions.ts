import type { PublishChanges } from './plan-publish.ts'
import type { RepositoryState } from './repository-state.ts'
import { rowOf } from './role-layout.ts'

/** How to bring every version above what was ever published. */
export interface RaisedVersions {
  /** For `planPublish`: all roles whose keys a server holds, and the timestamp. */
  readonly renumber: NonNullable<PublishChanges['renumber']>
  /** Roles that others sign, and the version they need now: these files have to come from a ceremony or their developers. */
  readonly elsewhere: ReadonlyMap<string, number>
}

/**
 * After a backup was restored: clients refuse versions below those that they have seen (attacks.md RB-BAK). `highest` says, by
 * role, the highest version that may ever have been published, `timestamp` too; the snapshot's is the caller's to give.
 */
export function raiseVersions(
  state: RepositoryState,
  highest: (role: string, version: number) => number,
): RaisedVersions {
  const online = new Map<string, number>([['timestamp', highest('timestamp', state.timestamp.version) + 1]])
  const elsewhere = new Map<string, number>()
  for (const { role, version } of state.entries) {
    const above = Math.max(highest(role, version), version) + 1
    if (rowOf(state.layout, role)?.online === true) online.set(role, above)
    else if (above > version + 1) elsewhere.set(role, above)
  }
  return { renumber: (role) => online.get(role) ?? elsewhere.get(role), elsewhere }
}
