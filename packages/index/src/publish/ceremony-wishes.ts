import { hash } from 'node:crypto'
import { delegatedTrust, delegatorOf, topTrust } from '@waxseal/trust'
import type { CeremonyChanges, KeySet, PublicKey, RepositoryState, RoleTable, RoleTrust } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import { OFFLINE_KEYS } from './role-table.ts'
import type { OfflineKey, OnlineKey } from './role-table.ts'

/** Who shall hold an offline role; what is left out stays as it is. */
export interface HolderWish {
  readonly keys?: readonly PublicKey[]
  readonly threshold?: number
}

/** What an administrator wants of a ceremony. */
export interface CeremonyWishes {
  readonly holders?: Readonly<Partial<Record<OfflineKey, HolderWish>>>
  /** Holders' keys by id, or the beginning of it, and what takes their place: undefined where nothing does. */
  readonly replace?: ReadonlyMap<string, PublicKey | undefined>
  /** Online keys that are to be others. */
  readonly online?: ReadonlyMap<OnlineKey, PublicKey>
  /** Offline roles to be signed anew: `root`, `targets`, `sealed`, `bins`, one role, `all`; empty: those past half of their life. */
  readonly renew?: readonly string[]
  /** Offline roles get versions above this: after a backup was restored that does not know them. */
  readonly versionsAbove?: number
  /** What people say of names and policies: targets of offline roles. */
  readonly targets?: readonly TargetWish[]
}

/** A target that an offline role is to list, as holders are shown it. */
export interface TargetWish {
  readonly role: string
  readonly path: string
  /** Text; `undefined`: it is listed no more. */
  readonly content: Uint8Array | undefined
  /** What stands in the target that it replaces, for the holders to compare. */
  readonly replaced?: Uint8Array | undefined
}

/** Least characters by which a key may be named. */
const MIN_KEY_PREFIX = 8

/**
 * The changes of roles and keys that somebody's wishes come to.
 * @throws IndexError `not-found` for a key or role that there is not, `not-allowed` for a key that takes its own place
 */
export function ceremonyChanges(state: RepositoryState, wishes: CeremonyWishes, now: number): CeremonyChanges {
  const { replace = new Map(), online = new Map<OnlineKey, PublicKey>(), renew, versionsAbove } = wishes
  const keySets = new Map<string, KeySet>()
  for (const name of OFFLINE_KEYS) {
    const wish = wishes.holders?.[name]
    if (wish !== undefined) for (const role of heldBy(state, name)) keySets.set(role, keySetFor(state, role, wish))
  }
  for (const [name, key] of online) {
    for (const role of rolesOfKey(state.layout.table, name)) keySets.set(role, { keys: [key], threshold: 1 })
  }
  const versions = new Map<string, number>()
  if (versionsAbove !== undefined) {
    for (const role of heldBy(state, 'targets')) {
      if ((state.entries.get(role)?.version ?? 0) <= versionsAbove) versions.set(role, versionsAbove + 1)
    }
  }
  const { targets = [] } = wishes
  refuseServers(state, targets)
  return {
    replaceKeys: new Map(Array.from(replace, ([prefix, key]) => replacement(state, prefix, key))),
    keySets,
    renew: renew === undefined ? [] : rolesToRenew(state, renew, now),
    versions,
    targets: targets.map(({ role, path, content }) => ({
      role,
      path,
      target: content && { length: content.length, sha256: hash('sha256', content) },
    })),
    contents: targets.flatMap(({ content, replaced }) => [content, replaced].filter((one) => one !== undefined)),
  }
}

/** The roles, and prefixes of bins, for which the table names this key. */
export function rolesOfKey({ top, named, succinct }: RoleTable, name: OnlineKey): readonly string[] {
  return [
    ...Object.entries(top),
    ...named.map((row) => [row.name, row] as const),
    ...succinct.map((row) => [row.bins.namePrefix, row] as const),
  ].flatMap(([role, row]) => (row.online && row.keys.includes(name) ? [role] : []))
}

/** Whose signatures count for a role, or for the bins with this prefix. */
export function trustIn(state: RepositoryState, role: string): RoleTrust {
  const { layout, root, delegators } = state
  if (role === 'root' || role === 'timestamp' || role === 'snapshot' || role === 'targets') {
    return topTrust(root.signed, role)
  }
  for (const [delegator, { bins }] of layout.succinct) {
    const delegations = delegators.get(delegator)
    if (bins.namePrefix === role && delegations?.succinct !== undefined) {
      return { ...delegations.succinct, keys: delegations.keys }
    }
  }
  const trust = delegatedTrust(delegators.get(delegatorOf(layout, role) ?? ''), role)
  if (trust === undefined) throw new IndexError('not-found', `Nobody delegates to ${role}.`)
  return trust
}

/** Roles that the holders of root, or of targets, sign. */
export function heldBy({ layout }: RepositoryState, name: OfflineKey): readonly string[] {
  if (name === 'root') return ['root']
  return ['targets', ...layout.table.named.flatMap((row) => (row.online ? [] : [row.name]))]
}

function keySetFor(state: RepositoryState, role: string, { keys, threshold }: HolderWish): KeySet {
  const before = trustIn(state, role)
  return {
    keys: keys ?? before.keyids.flatMap((keyid) => before.keys.get(keyid) ?? []),
    threshold: threshold ?? before.threshold,
  }
}

function replacement(
  state: RepositoryState,
  prefix: string,
  key: PublicKey | undefined,
): readonly [string, PublicKey | undefined] {
  const old = keyNamed(state, prefix)
  if (old.fingerprint !== key?.fingerprint) return [old.keyid, key]
  throw new IndexError('not-allowed', `The key ${old.keyid} cannot take its own place: nothing would change.`)
}

function keyNamed(state: RepositoryState, prefix: string): PublicKey {
  const known = new Map(state.root.signed.keys)
  for (const { keys } of state.delegators.values()) for (const [keyid, key] of keys) known.set(keyid, key)
  const found = [...known.values()].filter(({ keyid }) => keyid.startsWith(prefix))
  const [only] = found
  if (prefix.length >= MIN_KEY_PREFIX && found.length === 1 && only !== undefined) return only
  throw new IndexError(
    'not-found',
    `No key in use has the id ${prefix}: name it by ${MIN_KEY_PREFIX} characters at least, as waxseal ceremony show lists them.`,
  )
}

/** What is in bins are pages: the server signs those, too. */
function refuseServers(state: RepositoryState, targets: readonly TargetWish[]): void {
  const holding = new Set(heldBy(state, 'targets').filter((role) => !state.layout.succinct.has(role)))
  const other = targets.find(({ role }) => !holding.has(role))
  if (other !== undefined) throw new IndexError('not-found', `People list no targets in ${other.role}.`)
}

function rolesToRenew(state: RepositoryState, wanted: readonly string[], now: number): readonly string[] {
  const targets = heldBy(state, 'targets')
  const offline = ['root', ...targets]
  if (wanted.length === 0) return offline.filter((role) => isPastHalf(state, role, now))
  return [...new Set(wanted.flatMap((one) => rolesNamed(offline, one)))]
}

function rolesNamed(offline: readonly string[], name: string): readonly string[] {
  if (name === 'all') return offline
  const found = offline.filter((role) => role === name || (name === 'sealed' && role.startsWith('sealed-')))
  if (found.length > 0) return found
  throw new IndexError('not-found', `People sign no role ${name}: say root, targets, sealed, bins, or all.`)
}

function isPastHalf({ layout, root, entries }: RepositoryState, role: string, now: number): boolean {
  const { life } = role === 'root' ? layout.table.top.root : (layout.named.get(role) ?? layout.table.top.targets)
  const expires = role === 'root' ? root.signed.expires : (entries.get(role)?.expires ?? 0)
  return expires - now < life / 2
}
