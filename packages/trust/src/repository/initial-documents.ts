import { TrustError } from '../error.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { TopLevelRole } from '../metadata.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'
import type { PublicKey } from '../public-key.ts'
import { writeTime } from '../timestamps.ts'
import { SPEC_VERSION } from '../write-metadata.ts'
import { expiryOf } from './renewals.ts'
import type { KeySet } from './role-document.ts'
import { checkKeySet, dated, emptyRole, keyJson, namedDelegations, succinctDelegations } from './role-document.ts'
import type { RoleLayout } from './role-layout.ts'
import type { RoleRow } from './role-table.ts'

/** The public keys of a table, by the names that its rows call them. */
export type NamedKeys = ReadonlyMap<string, PublicKey>

/** A root's signed part. @throws TrustError `metadata-invalid` for keys that cannot meet their threshold */
export function rootDocument(
  version: number,
  expires: number,
  roles: Readonly<Record<TopLevelRole, KeySet>>,
): JsonObject {
  const keys = new Map<string, JsonValue>()
  const written = new Map<string, JsonObject>()
  for (const role of TOP_LEVEL_ROLES) {
    checkKeySet(role, roles[role])
    for (const key of roles[role].keys) keys.set(key.keyid, keyJson(key))
    const keyids = roles[role].keys.map(({ keyid }) => keyid)
    written.set(
      role,
      new Map<string, JsonValue>([
        ['keyids', keyids],
        ['threshold', roles[role].threshold],
      ]),
    )
  }
  return new Map<string, JsonValue>([
    ['_type', 'root'],
    ['spec_version', SPEC_VERSION],
    ['version', version],
    ['expires', writeTime(expires)],
    ['consistent_snapshot', true],
    ['keys', keys],
    ['roles', written],
  ])
}

/** The first root of a table. */
export function initialRoot(layout: RoleLayout, keys: NamedKeys, now: number): JsonObject {
  const { root, timestamp, snapshot, targets } = layout.table.top
  return rootDocument(1, expiryOf(layout, 'root', now), {
    root: keySetOf(root, keys),
    timestamp: keySetOf(timestamp, keys),
    snapshot: keySetOf(snapshot, keys),
    targets: keySetOf(targets, keys),
  })
}

/** The first version of a role of the table, with all its delegations. */
export function initialRole(layout: RoleLayout, keys: NamedKeys, role: string, now: number): JsonObject {
  return dated(emptyRole(initialDelegations(layout, keys, role)), 1, expiryOf(layout, role, now))
}

/** The roles of a table that others sign: where it begins in a ceremony, these are its documents. Delegators come first. */
export function offlineRoles({ table }: RoleLayout): readonly string[] {
  const targets = table.top.targets.online ? [] : ['targets']
  return [...targets, ...table.named.filter(({ online }) => !online).map(({ name }) => name)]
}

export function initialDelegations(layout: RoleLayout, keys: NamedKeys, role: string): JsonObject | undefined {
  const succinct = layout.succinct.get(role)
  if (succinct !== undefined) return succinctDelegations(succinct.bins, keySetOf(succinct, keys))
  const rows = layout.delegated.get(role)
  return rows && namedDelegations(new Map(rows.map((row) => [row.name, { ...row, ...keySetOf(row, keys) }])))
}

function keySetOf(row: RoleRow, keys: NamedKeys): KeySet {
  const found = row.keys.map((name) => {
    const key = keys.get(name)
    if (key === undefined) throw new TrustError('key-invalid', `There is no key named ${name}.`)
    return key
  })
  return { keys: found, threshold: row.threshold }
}
