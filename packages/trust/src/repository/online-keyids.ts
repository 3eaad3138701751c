import { binName } from '../succinct-bins.ts'
import type { RepositoryState } from './repository-state.ts'
import { delegatedTrust, topTrust } from './repository-state.ts'

/**
 * The keys that a server must hold, by the names that the table calls them, and for each the key ids that root, or the role
 * that delegates, accepts for it as it is published now.
 */
export function onlineKeyids(state: RepositoryState): ReadonlyMap<string, readonly string[]> {
  const { layout, root, delegators } = state
  const known = new Map<string, readonly string[]>()
  const note = (names: readonly string[], keyids: readonly string[] | undefined): void => {
    for (const name of names) if (!known.has(name)) known.set(name, keyids ?? [])
  }
  for (const role of ['timestamp', 'snapshot'] as const)
    note(layout.table.top[role].keys, topTrust(root.signed, role).keyids)
  for (const { name, delegator, keys, online } of layout.table.named) {
    if (online) note(keys, delegatedTrust(delegators.get(delegator), name)?.keyids)
  }
  for (const { bins, delegator, keys, online } of layout.table.succinct) {
    if (online) note(keys, delegatedTrust(delegators.get(delegator), binName(bins, 0))?.keyids)
  }
  return known
}
