import { DocumentReader } from '../document-reader.ts'
import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { Metadata, Root, Targets } from '../metadata.ts'

const COMMON = ['_type', 'spec_version', 'version', 'expires']
const ROOT = [...COMMON, 'consistent_snapshot', 'keys', 'roles']
const TARGETS = [...COMMON, 'targets', 'delegations']
const DELEGATION = ['name', 'keyids', 'threshold', 'paths', 'terminating']
const SUCCINCT = ['bit_length', 'name_prefix', 'keyids', 'threshold']

/**
 * Checks that a document says nothing beyond what `describeRequest` puts into words: nobody signs what they were not shown.
 * @throws TrustError `ceremony-invalid`
 */
export function checkDescribable({ signed, document }: Metadata<Root> | Metadata<Targets>): void {
  only(document, signed.type === 'root' ? ROOT : TARGETS, signed.type)
  const holder = signed.type === 'root' ? document : document.get('delegations')
  if (!isJsonObject(holder)) return
  const keys = holder.get('keys')
  const known = signed.type === 'root' ? signed.keys : signed.delegations?.keys
  if (!isJsonObject(keys) || keys.size !== known?.size) throw hidden('a key that cannot count')
  if (signed.type === 'root') return
  only(holder, ['keys', 'roles', 'succinct_roles'], 'delegations')
  const succinct = holder.get('succinct_roles')
  if (isJsonObject(succinct)) only(succinct, SUCCINCT, 'the bins')
  if (!holder.has('roles')) return
  for (const role of new DocumentReader(holder, 'delegations').list('roles', Infinity)) {
    if (isJsonObject(role)) only(role, DELEGATION, 'a delegation')
  }
}

function only(object: JsonObject, names: readonly string[], where: string): void {
  for (const name of object.keys()) if (!names.includes(name)) throw hidden(`a part of ${where} that is not known`)
}

function hidden(what: string): TrustError {
  return new TrustError('ceremony-invalid', `The request has ${what}, which nobody could be told of before they sign.`)
}
