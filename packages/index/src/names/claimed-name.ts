import type { ProjectRow } from '../store/schema.ts'
import type { ClaimedName } from './authority.ts'
import { LOCAL_SOURCE } from './local-source.ts'
import type { MergeRule } from './merge-rule.ts'

type NameColumns = Pick<ProjectRow, 'authority' | 'upstream' | 'merge_rule'>

/** What the row of a project says of who answers for it. */
export function claimedName({ authority, upstream, merge_rule }: NameColumns): ClaimedName {
  return { authority, upstream, merge: merge_rule === null ? null : (JSON.parse(merge_rule) as MergeRule) }
}

/** Whether the row is of a name of this index's own: internal, or merged with this index as the owner. */
export function isOurs(row: NameColumns): boolean {
  const { authority, merge } = claimedName(row)
  return authority === 'internal' || (authority === 'merged' && merge?.owner === LOCAL_SOURCE)
}
