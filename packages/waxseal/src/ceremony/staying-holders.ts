import type { CeremonyState, OfflineKey } from '@waxseal/index'

/** Whose keys were named. */
interface HolderOptions {
  readonly rootKey?: readonly string[]
  readonly targetsKey?: readonly string[]
}

/** Those who go on signing one half, where other keys were named for the other half alone. */
export interface StayingHolders {
  readonly role: OfflineKey
  readonly threshold: number
  readonly keys: readonly string[]
}

export function stayingHolders(
  { request }: CeremonyState,
  { rootKey, targetsKey }: HolderOptions,
): StayingHolders | undefined {
  if ((rootKey === undefined) === (targetsKey === undefined)) return undefined
  const [changed, role] = rootKey === undefined ? (['targets', 'root'] as const) : (['root', 'targets'] as const)
  const roles = request.documents.find((document) => document.kind === 'root')?.signed.roles
  const stays = roles?.get(role)
  const others = new Set(roles?.get(changed)?.keyids)
  if (
    stays === undefined ||
    (stays.keyids.length === others.size && stays.keyids.every((keyid) => others.has(keyid)))
  ) {
    return undefined
  }
  return { role, threshold: stays.threshold, keys: stays.keyids }
}

export function stayWords({ role, threshold, keys }: StayingHolders): string {
  const what = role === 'targets' ? 'targets, the sealed roles and bins' : 'root'
  return `NOTE: ${what} stay${role === 'root' ? 's' : ''} with ${threshold} of these keys: ${keys.map((keyid) => keyid.slice(0, 8)).join(', ')}. To hand over all of it, name keys with --${role}-key too.`
}
