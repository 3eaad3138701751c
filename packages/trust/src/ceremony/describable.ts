import { DocumentReader } from '../document-reader.ts'
import { TrustError } from '../error.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { Delegations, Metadata, RoleKeys, Root, Targets } from '../metadata.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'
import type { PublicKey } from '../public-key.ts'

const COMMON = ['_type', 'spec_version', 'version', 'expires']
const ROOT = [...COMMON, 'consistent_snapshot', 'keys', 'roles']
const TARGETS = [...COMMON, 'targets', 'delegations']
const KEY = ['keytype', 'scheme', 'keyval']
const ROLE = ['keyids', 'threshold']
const TARGET = ['length', 'hashes', 'custom']
const DELEGATION = ['name', 'keyids', 'threshold', 'paths', 'terminating']
const SUCCINCT = ['bit_length', 'name_prefix', 'keyids', 'threshold']

/**
 * Checks that a document says nothing beyond what `describeRequest` puts into words: nobody signs what they were not shown.
 * @throws TrustError `ceremony-invalid`
 */
export function checkDescribable({ signed, document }: Metadata<Root> | Metadata<Targets>): void {
  only(document, signed.type === 'root' ? ROOT : TARGETS, signed.type)
  if (signed.type === 'root') checkRoles(signed, document)
  else {
    for (const file of objectsIn(document.get('targets'))) only(file, TARGET, 'a target')
    const delegations = document.get('delegations')
    if (signed.delegations !== undefined && isJsonObject(delegations)) {
      checkDelegations(signed.delegations, delegations)
    }
  }
}

function checkRoles(root: Root, document: JsonObject): void {
  const roles = document.get('roles')
  if (isJsonObject(roles)) only(roles, TOP_LEVEL_ROLES, 'the roles')
  for (const role of objectsIn(roles)) only(role, ROLE, 'a role')
  checkKeys(document, root.keys, root.roles.values())
}

function checkDelegations(delegations: Delegations, document: JsonObject): void {
  only(document, ['keys', 'roles', 'succinct_roles'], 'delegations')
  const succinct = document.get('succinct_roles')
  if (isJsonObject(succinct)) only(succinct, SUCCINCT, 'the bins')
  if (document.has('roles')) {
    for (const role of new DocumentReader(document, 'delegations').list('roles', Infinity)) {
      if (isJsonObject(role)) only(role, DELEGATION, 'a delegation')
    }
  }
  checkKeys(document, delegations.keys, [
    ...delegations.roles,
    ...(delegations.succinct === undefined ? [] : [delegations.succinct]),
  ])
}

/** All keys can count, and every id is that of one of them: an id without a key signs nothing, and may be any text. */
function checkKeys(holder: JsonObject, known: ReadonlyMap<string, PublicKey>, roles: Iterable<RoleKeys>): void {
  const keys = holder.get('keys')
  if (!isJsonObject(keys) || keys.size !== known.size) throw hidden('a key that cannot count')
  for (const key of objectsIn(keys)) {
    only(key, KEY, 'a key')
    const value = key.get('keyval')
    if (isJsonObject(value)) only(value, ['public'], 'a key')
  }
  for (const { keyids } of roles) {
    if (keyids.some((keyid) => !known.has(keyid))) throw hidden('the id of a key that is not in it')
  }
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return isJsonObject(value) ? [...value.values()].filter((each) => isJsonObject(each)) : []
}

function only(object: JsonObject, names: readonly string[], where: string): void {
  for (const name of object.keys()) if (!names.includes(name)) throw hidden(`a part of ${where} that is not known`)
}

function hidden(what: string): TrustError {
  return new TrustError('ceremony-invalid', `The request has ${what}, which nobody could be told of before they sign.`)
}
