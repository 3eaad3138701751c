import type { ProjectRow } from '../store/schema.ts'
import type { ClaimedName } from './authority.ts'
import type { MergeRule } from './merge-rule.ts'

/** What the row of a project says of who answers for it. */
export function claimedName({
  authority,
  upstream,
  merge_rule,
}: Pick<ProjectRow, 'authority' | 'upstream' | 'merge_rule'>): ClaimedName {
  return { authority, upstream, merge: merge_rule === null ? null : (JSON.parse(merge_rule) as MergeRule) }
}
