import { RENEWALS_AT_A_TIME } from '../limits.ts'
import { binCount } from '../succinct-bins.ts'
import type { RepositoryState } from './repository-state.ts'
import type { RoleLayout } from './role-layout.ts'
import { binsOf, rowOf } from './role-layout.ts'
import type { RoleRow } from './role-table.ts'

/**
 * When a signature made at `now` ends. Roles that renew themselves each have one moment in a period of `renewAfter`, by their
 * place among their kind, and are renewed then, whenever they were last signed: a whole repository that was signed in one
 * minute does not have to be signed again in one. Whoever signs more often loses nothing: at least `life - renewAfter` is left.
 */
export function expiryOf(layout: RoleLayout, role: string, now: number): number {
  const row = rowOf(layout, role) ?? layout.table.later
  const second = Math.floor(now / 1000) * 1000
  const place = placeOf(layout, role)
  if (place === undefined) return second + row.life
  const phase = Math.floor((place * row.renewAfter) / 1000) * 1000
  const sincePhase = (((second - phase) % row.renewAfter) + row.renewAfter) % row.renewAfter
  return second + row.renewAfter - sincePhase + (row.life - row.renewAfter)
}

/** A role's place among its kind, from 0 to below 1; `undefined` for those that are alone or not ours to renew. */
function placeOf(layout: RoleLayout, role: string): number | undefined {
  const bins = binsOf(layout, role)
  if (bins !== undefined) {
    const number = Number.parseInt(role.slice(bins.bins.namePrefix.length + 1), 16)
    return bins.online ? number / binCount(bins.bins) : undefined
  }
  const row = layout.named.get(role)
  if (row === undefined || !row.online) return undefined
  const siblings = layout.delegated.get(row.delegator) ?? []
  return siblings.indexOf(row) / siblings.length
}

/** What should be signed again at a time. */
export interface DueRoles {
  /** Roles to hand to `planPublish` as `renew`, the most urgent first. */
  readonly roles: readonly string[]
  /** Whether there must be a new snapshot, be it an empty publish. */
  readonly snapshot: boolean
  /** Whether the timestamp is due; every publish makes a new one anyway. */
  readonly timestamp: boolean
}

/** What a running server has to sign again at `now`: no more than `limit` roles, so that a publish stays short. */
export function dueRoles(state: RepositoryState, now: number, limit: number = RENEWALS_AT_A_TIME): DueRoles {
  const { layout } = state
  const due: { role: string; expires: number }[] = []
  for (const { role, expires } of state.entries) {
    const row = rowOf(layout, role)
    if (row?.online === true && isDue(row, expires, now)) due.push({ role, expires })
  }
  due.sort((a, b) => a.expires - b.expires)
  const { snapshot, timestamp } = layout.table.top
  return {
    roles: due.slice(0, limit).map(({ role }) => role),
    snapshot: isDue(snapshot, state.snapshot.expires, now),
    timestamp: isDue(timestamp, state.timestamp.expires, now),
  }
}

function isDue({ life, renewAfter }: Pick<RoleRow, 'life' | 'renewAfter'>, expires: number, now: number): boolean {
  return now >= expires - (life - renewAfter)
}

/**
 * `due`: it is time, and an online role will be renewed by itself. `alarm`: somebody has to do something, because two thirds of its life are over and its
 * keys are not here, or because five sixths are and it should have been renewed. `expired`: clients refuse it.
 */
export type Urgency = 'fresh' | 'due' | 'alarm' | 'expired'

export interface RoleExpiry {
  readonly role: string
  readonly expires: number
  /** Milliseconds; negative once it has expired. */
  readonly left: number
  readonly online: boolean
  readonly urgency: Urgency
}

/** How long each role still holds, the soonest first. Of all bins of one delegator only the soonest to end is listed. */
export function expiries(state: RepositoryState, now: number): readonly RoleExpiry[] {
  const { layout, root, timestamp, snapshot, entries } = state
  const top = [
    { role: 'root', expires: root.signed.expires },
    { role: 'timestamp', expires: timestamp.expires },
    { role: 'snapshot', expires: snapshot.expires },
  ]
  return expiriesOf(layout, [...top, ...entries], now)
}

/** The same of files of which no more is known than when they end: for who looks often, and reads none. */
export function expiriesOf(
  layout: RoleLayout,
  files: Iterable<{ readonly role: string; readonly expires: number }>,
  now: number,
): readonly RoleExpiry[] {
  const soonest = new Map<string, { readonly role: string; readonly expires: number }>()
  for (const { role, expires } of files) {
    const group = binsOf(layout, role)?.bins.namePrefix ?? role
    const known = soonest.get(group)
    if (known === undefined || expires < known.expires) soonest.set(group, { role, expires })
  }
  return Array.from(soonest.values(), ({ role, expires }) => {
    const row = rowOf(layout, role)
    const online = row?.online ?? false
    const rule = row ?? layout.table.later
    return { role, expires, left: expires - now, online, urgency: urgencyOf(rule, online, expires, now) }
  }).sort((a, b) => a.left - b.left)
}

function urgencyOf(rule: Pick<RoleRow, 'life' | 'renewAfter'>, online: boolean, expires: number, now: number): Urgency {
  if (now >= expires) return 'expired'
  if (expires - now <= rule.life / (online ? 6 : 3)) return 'alarm'
  return isDue(rule, expires, now) ? 'due' : 'fresh'
}
