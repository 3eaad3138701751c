import type { Encodable } from '../canonical-json.ts'
import { DocumentReader } from '../document-reader.ts'
import { TrustError } from '../error.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { Delegations } from '../metadata.ts'
import type { PublicKey } from '../public-key.ts'
import { readDelegations } from '../read-delegations.ts'
import type { SuccinctBins } from '../succinct-bins.ts'
import { checkWritablePath } from '../target-path.ts'
import { writeTime } from '../timestamps.ts'
import { SPEC_VERSION } from '../write-metadata.ts'
import { jsonOf } from './json-of.ts'

/** A target to be listed. */
export interface NewTarget {
  /** In bytes. */
  readonly length: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
  readonly custom?: { readonly [name: string]: Encodable | undefined }
}

/** Keys that may sign for a role, and how many of them must. */
export interface KeySet {
  readonly keys: readonly PublicKey[]
  readonly threshold: number
}

/** A role to delegate to. */
export interface NewDelegation extends KeySet {
  readonly paths: readonly string[]
  readonly terminating: boolean
}

const SHA256 = /^[\da-f]{64}$/

/** The signed part of a targets role that lists nothing yet. Version and expiry are set when it is signed. */
export function emptyRole(delegations?: JsonObject): JsonObject {
  const document = new Map<string, JsonValue>([
    ['_type', 'targets'],
    ['spec_version', SPEC_VERSION],
    ['targets', new Map()],
  ])
  return delegations === undefined ? document : document.set('delegations', delegations)
}

/** The same document under this version, to be signed anew. */
export function dated(document: JsonObject, version: number, expires: number): JsonObject {
  return new Map(document).set('spec_version', SPEC_VERSION).set('version', version).set('expires', writeTime(expires))
}

/**
 * With these targets in place of those at the same paths; `undefined` takes one away.
 * @throws TrustError `metadata-invalid` or `json-invalid`
 */
export function withTargets(document: JsonObject, changes: ReadonlyMap<string, NewTarget | undefined>): JsonObject {
  const before = document.get('targets')
  const targets = new Map(isJsonObject(before) ? before : [])
  for (const [path, target] of changes) {
    checkWritablePath(path, 'target')
    if (target === undefined) targets.delete(path)
    else targets.set(path, targetDocument(path, target))
  }
  return new Map(document).set('targets', targets)
}

function targetDocument(path: string, { length, sha256, custom }: NewTarget): JsonValue {
  if (!Number.isSafeInteger(length) || length < 0 || !SHA256.test(sha256)) {
    throw new TrustError('metadata-invalid', `The target ${path} cannot be signed: its length or sha256 is none.`)
  }
  return jsonOf({ length, hashes: { sha256 }, custom })
}

/** What a role hands over; `undefined` where it does not. */
export function delegationsOf(document: JsonObject): Delegations | undefined {
  const delegations = document.get('delegations')
  return delegations === undefined ? undefined : readDelegations(new DocumentReader(delegations, 'delegations'))
}

/** Delegations by name, in this order. */
export function namedDelegations(roles: ReadonlyMap<string, NewDelegation>): JsonObject {
  return delegationsDocument(
    [...roles.values()],
    ['roles', Array.from(roles, ([name, delegation]) => delegationDocument(name, delegation))],
  )
}

/** Bins (TAP 15). */
export function succinctDelegations(bins: SuccinctBins, keySet: KeySet): JsonObject {
  checkKeySet(bins.namePrefix, keySet)
  return delegationsDocument(
    [keySet],
    [
      'succinct_roles',
      jsonOf({
        bit_length: bins.bitLength,
        name_prefix: bins.namePrefix,
        keyids: keySet.keys.map(({ keyid }) => keyid),
        threshold: keySet.threshold,
      }),
    ],
  )
}

/**
 * With one delegation in its old place, or last, or taken away; keys that nobody needs any more go.
 * @throws TrustError `metadata-invalid` for a role with bins
 */
export function withDelegation(document: JsonObject, name: string, change: NewDelegation | undefined): JsonObject {
  const before = document.get('delegations')
  if (isJsonObject(before) && before.has('succinct_roles')) {
    throw new TrustError('metadata-invalid', `A role with bins cannot delegate to ${name} by name (TAP 15).`)
  }
  const roles = rolesOf(asObject(before))
  const at = roles.findIndex((role) => role.get('name') === name)
  const changed = change === undefined ? [] : [delegationDocument(name, change)]
  const next = at === -1 ? [...roles, ...changed] : roles.toSpliced(at, 1, ...changed)
  const delegations = new Map(asObject(before)).set('roles', next)
  return new Map(document).set('delegations', withKeys(delegations, change?.keys ?? []))
}

/**
 * Checks that different keys can meet the threshold: one key under two ids counts once (attacks.md ARB-3).
 * @throws TrustError `metadata-invalid`
 */
export function checkKeySet(role: string, { keys, threshold }: KeySet): void {
  if (new Set(keys.map(({ fingerprint }) => fingerprint)).size !== keys.length) {
    throw new TrustError('metadata-invalid', `${role} would have the same key twice.`)
  }
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= keys.length) return
  throw new TrustError('metadata-invalid', `${role} would need ${threshold} of ${keys.length} keys.`)
}

/** With other keys for one role that it delegates to, or for all its bins. */
export function withKeySet(document: JsonObject, role: string, { keys: added, threshold }: KeySet): JsonObject {
  const before = asObject(document.get('delegations'))
  const keyids = added.map(({ keyid }) => keyid)
  const changed = (delegation: JsonObject): JsonObject =>
    new Map(delegation).set('keyids', keyids).set('threshold', threshold)
  const delegations = new Map(before)
  const succinct = before.get('succinct_roles')
  if (isJsonObject(succinct)) delegations.set('succinct_roles', changed(succinct))
  else {
    const next = rolesOf(before).map((one) => (one.get('name') === role ? changed(one) : one))
    delegations.set('roles', next)
  }
  return new Map(document).set('delegations', withKeys(delegations, added))
}

/** With these keys too, and without those that nobody needs any more. */
function withKeys(delegations: JsonObject, added: readonly PublicKey[]): JsonObject {
  const keys = new Map(asObject(delegations.get('keys')))
  for (const key of added) keys.set(key.keyid, keyJson(key))
  const users = [...rolesOf(delegations), asObject(delegations.get('succinct_roles'))]
  const used = new Set(users.flatMap((role) => role.get('keyids') ?? []))
  for (const keyid of keys.keys()) if (!used.has(keyid)) keys.delete(keyid)
  return new Map(delegations).set('keys', keys)
}

function rolesOf(delegations: JsonObject): readonly JsonObject[] {
  const roles = delegations.get('roles')
  return (Array.isArray(roles) ? (roles as readonly JsonValue[]) : []).filter(isJsonObject)
}

function delegationDocument(name: string, { keys, threshold, paths, terminating }: NewDelegation): JsonObject {
  checkKeySet(name, { keys, threshold })
  const keyids = keys.map(({ keyid }) => keyid)
  return asObject(jsonOf({ name, keyids, threshold, paths, terminating }))
}

function delegationsDocument(keySets: readonly KeySet[], roles: readonly [string, JsonValue]): JsonObject {
  const keys = new Map(keySets.flatMap((set) => set.keys).map((key) => [key.keyid, keyJson(key)]))
  return new Map<string, JsonValue>([['keys', keys], roles])
}

/** Not by `jsonOf`: the lines of a PEM key end in control characters, and every client reads those alike. */
export function keyJson(key: PublicKey): JsonValue {
  return new Map<string, JsonValue>([
    ['keytype', key.keytype],
    ['scheme', key.scheme],
    ['keyval', new Map([['public', key.public]])],
  ])
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : new Map()
}
