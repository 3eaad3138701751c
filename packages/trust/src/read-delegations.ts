import { DocumentReader } from './document-reader.ts'
import type { JsonValue } from './json.ts'
import { KeyRing } from './key-ring.ts'
import {
  MAX_DELEGATIONS,
  MAX_HASH_PREFIX,
  MAX_HASH_PREFIXES,
  MAX_LISTED_KEYS,
  MAX_PATTERNS,
  MAX_ROLE_FILE,
  MAX_ROLE_NAME,
  MAX_SUCCINCT_BITS,
  MAX_TARGET_PATH,
} from './limits.ts'
import type { Delegation, Delegations } from './metadata.ts'
import { TOP_LEVEL_ROLES } from './metadata.ts'
import type { PublicKey } from './public-key.ts'
import { readRoleKeys } from './read-role-keys.ts'
import { roleFile } from './role-file.ts'
import { binName } from './succinct-bins.ts'

/** Keys by id. @throws TrustError `metadata-invalid` if there are more than anybody can need */
export function readKeys(reader: DocumentReader): ReadonlyMap<string, PublicKey> {
  const documents = [...reader.entries]
  if (documents.length > MAX_LISTED_KEYS) throw reader.invalid(`there are more than ${MAX_LISTED_KEYS} keys`)
  return new KeyRing(documents)
}

/** What a role hands over, and to whom: by name in order, or succinctly (specification 4.5, TAP 15). */
export function readDelegations(reader: DocumentReader): Delegations {
  const keys = readKeys(reader.object('keys'))
  if (reader.has('roles') === reader.has('succinct_roles')) {
    throw reader.invalid('there must be either roles or succinct roles')
  }
  if (reader.has('succinct_roles')) return { keys, roles: [], succinct: readSuccinct(reader.object('succinct_roles')) }
  const seen = new Set<string>()
  const roles = reader.list('roles', MAX_DELEGATIONS).map((value) => {
    const delegation = readDelegation(value)
    if (seen.has(delegation.name)) throw reader.invalid('a role stands twice (attacks.md DEL-5)')
    seen.add(delegation.name)
    return delegation
  })
  return { keys, roles, succinct: undefined }
}

function readDelegation(value: JsonValue): Delegation {
  const reader = new DocumentReader(value, 'delegation')
  const name = reader.text('name', MAX_ROLE_NAME)
  // Where the case of file names makes no difference, a role named Root would be stored over the root (attacks.md DEL-5).
  if (name === '' || (TOP_LEVEL_ROLES as readonly string[]).includes(name.toLowerCase())) {
    throw reader.invalid('its name is taken')
  }
  if (roleFile(name).length > MAX_ROLE_FILE) throw reader.invalid('its name is too long for a file')
  if (reader.has('paths') === reader.has('path_hash_prefixes')) {
    throw reader.invalid('there must be either paths or hash prefixes')
  }
  const paths = reader.has('paths') ? reader.texts('paths', MAX_PATTERNS) : undefined
  if (paths?.some((path) => path.length > MAX_TARGET_PATH) === true) throw reader.invalid('a pattern is too long')
  const pathHashPrefixes = reader.has('path_hash_prefixes')
    ? reader.texts('path_hash_prefixes', MAX_HASH_PREFIXES)
    : undefined
  if (pathHashPrefixes?.some((prefix) => prefix.length > MAX_HASH_PREFIX) === true) {
    throw reader.invalid('a hash prefix is too long')
  }
  return { name, terminating: reader.flag('terminating'), paths, pathHashPrefixes, ...readRoleKeys(reader) }
}

function readSuccinct(reader: DocumentReader): Delegations['succinct'] {
  const bitLength = reader.number('bit_length', 1)
  if (bitLength > MAX_SUCCINCT_BITS) throw reader.invalid('there are too many bins')
  const namePrefix = reader.text('name_prefix', MAX_ROLE_NAME)
  const last = binName({ bitLength, namePrefix }, 2 ** bitLength - 1)
  if (roleFile(last).length > MAX_ROLE_FILE) throw reader.invalid('its names are too long for files')
  return { bitLength, namePrefix, ...readRoleKeys(reader) }
}
