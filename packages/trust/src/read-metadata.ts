import { canonicalJson } from './canonical-json.ts'
import { DocumentReader } from './document-reader.ts'
import type { JsonObject } from './json.ts'
import { MAX_HASH_NAME, MAX_KEYS, MAX_ROLE_NAME, MAX_SIGNATURE, MAX_TARGET_PATH } from './limits.ts'
import type {
  MetaFile,
  Metadata,
  Root,
  RoleKeys,
  SignedCommon,
  SignedOf,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
  TopLevelRole,
} from './metadata.ts'
import { TOP_LEVEL_ROLES } from './metadata.ts'
import { parseJson } from './parse-json.ts'
import { readDelegations, readKeys } from './read-delegations.ts'
import { readRoleKeys } from './read-role-keys.ts'
import { readTime } from './timestamps.ts'

/**
 * Reads a role's document. Nothing of it is trusted by that: signatures, expiry and versions are the client's to check. What it
 * says is read from the same bytes, once (attacks.md ARB-5); nothing is returned unless the whole is well formed.
 * @throws TrustError `json-invalid` or `metadata-invalid`
 */
export function readMetadata<T extends TopLevelRole>(type: T, bytes: Uint8Array): Metadata<SignedOf<T>> {
  const { value, span } = parseJson(bytes, 'signed')
  const envelope = new DocumentReader(value, type)
  const document = envelope.json('signed')
  if (document === undefined || span === undefined) throw envelope.invalid('there is nothing signed')
  const signatures = readSignatures(envelope)
  const reader = new DocumentReader(document, type)
  if (document.get('_type') !== type) throw reader.invalid('its type is another')
  const signed = READERS[type](reader, document)
  const signedBytes = Buffer.from(span.canonical ? span.text : canonicalJson(document))
  return { signed, document, signatures, signedBytes, bytes }
}

const READERS: { readonly [T in TopLevelRole]: (reader: DocumentReader, document: JsonObject) => SignedOf<T> } = {
  root: readRoot,
  timestamp: readTimestamp,
  snapshot: readSnapshot,
  targets: readTargets,
}

/** One signature a key id (specification 4.2.1): a second one would count twice to some readers (attacks.md ARB-3). */
function readSignatures(envelope: DocumentReader): readonly Signature[] {
  const seen = new Set<string>()
  return envelope.list('signatures', MAX_KEYS).map((item) => {
    const signature = new DocumentReader(item, 'signature')
    const keyid = signature.text('keyid', MAX_SIGNATURE)
    if (seen.has(keyid)) throw envelope.invalid('two signatures have the same key id')
    seen.add(keyid)
    const hex = signature.text('sig', Infinity)
    // One that is not hexadecimal, or longer than any, counts for nothing; the others still count (attacks.md ARB-4).
    const isOne = hex.length <= MAX_SIGNATURE && /^(?:[\da-f]{2})*$/.test(hex)
    return { keyid, signature: isOne ? Buffer.from(hex, 'hex') : new Uint8Array() }
  })
}

/** Major version 1 in two or three parts (specification 4.2; TAP 6; attacks.md SPEC-1). */
const SPEC_VERSION = /^1\.\d{1,9}(?:\.\d{1,9})?$/

function readCommon(reader: DocumentReader): SignedCommon {
  const specVersion = reader.text('spec_version', 32)
  if (!SPEC_VERSION.test(specVersion)) throw reader.invalid('its specification is not version 1')
  const expires = readTime(reader.text('expires', 32))
  if (expires === undefined) throw reader.invalid('expires is no time')
  return { version: reader.number('version', 1), specVersion, expires }
}

function readRoot(reader: DocumentReader): Root {
  const keys = readKeys(reader.object('keys'))
  const given = reader.object('roles')
  const roles = new Map<TopLevelRole, RoleKeys>()
  for (const role of TOP_LEVEL_ROLES) roles.set(role, readRoleKeys(given.object(role)))
  return { type: 'root', ...readCommon(reader), consistentSnapshot: reader.flag('consistent_snapshot'), keys, roles }
}

function readTimestamp(reader: DocumentReader): Timestamp {
  const meta = reader.object('meta')
  const snapshot = readMetaFile(meta.object('snapshot.json'))
  const issued = reader.has('x-issued') ? readTime(reader.text('x-issued', 32)) : undefined
  if (reader.has('x-issued') && issued === undefined) throw reader.invalid('x-issued is no time')
  return { type: 'timestamp', ...readCommon(reader), snapshot, issued }
}

function readSnapshot(reader: DocumentReader): Snapshot {
  const meta = new Map<string, MetaFile>()
  for (const [file, value] of reader.object('meta').entries) {
    const role = file.endsWith('.json') ? file.slice(0, -'.json'.length) : ''
    if (role === '' || role.length > MAX_ROLE_NAME) throw reader.invalid('a file of it is no role')
    meta.set(role, readMetaFile(new DocumentReader(value, 'snapshot meta')))
  }
  return { type: 'snapshot', ...readCommon(reader), meta }
}

function readMetaFile(reader: DocumentReader): MetaFile {
  return {
    version: reader.number('version', 1),
    length: reader.has('length') ? reader.number('length', 1) : undefined,
    hashes: reader.has('hashes') ? readHashes(reader.object('hashes')) : undefined,
  }
}

function readTargets(reader: DocumentReader, document: JsonObject): Targets {
  const targets = new Map<string, TargetFile>()
  for (const [path, value] of reader.object('targets').entries) {
    if (path.length > MAX_TARGET_PATH) throw reader.invalid('a target path is too long')
    targets.set(path, readTargetFile(new DocumentReader(value, 'target')))
  }
  const delegations = document.has('delegations') ? readDelegations(reader.object('delegations')) : undefined
  return { type: 'targets', ...readCommon(reader), targets, delegations }
}

function readTargetFile(reader: DocumentReader): TargetFile {
  if (reader.has('custom') && reader.json('custom') === undefined) throw reader.invalid('custom is no object')
  return {
    length: reader.number('length', 0),
    hashes: readHashes(reader.object('hashes')),
    custom: reader.json('custom'),
  }
}

/** At least one hash; those of algorithms that we do not know are kept, and never enough by themselves. */
function readHashes(reader: DocumentReader): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>()
  for (const [algorithm] of reader.entries) {
    if (algorithm.length > MAX_HASH_NAME) throw reader.invalid('the name of a hash is too long')
    hashes.set(algorithm, reader.text(algorithm, 256))
  }
  if (hashes.size === 0) throw reader.invalid('there is no hash')
  return hashes
}
