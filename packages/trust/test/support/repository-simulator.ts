import { createHash } from 'node:crypto'
import type { FetchLimits, TrustRemote } from '../../src/client/trust-io.ts'
import { generatePrivateKey, keySigner } from '../../src/key-signer.ts'
import { canonicalJson } from '../../src/canonical-json.ts'
import type { Encodable } from '../../src/canonical-json.ts'
import type { TopLevelRole } from '../../src/metadata.ts'
import { keyDocument } from '../../src/public-key.ts'
import { roleFile } from '../../src/role-file.ts'
import type { Signer } from '../../src/signer.ts'
import { binCount, binName } from '../../src/succinct-bins.ts'
import { writeTime } from '../../src/timestamps.ts'
import { SPEC_VERSION, writeMetadata } from '../../src/write-metadata.ts'

export const HOUR_MS = 60 * 60_000
export const DAY_MS = 24 * HOUR_MS
/** The time of every test, unless it moves its clock. */
export const START = Date.parse('2030-01-01T00:00:00Z')

type Common = { version: number; spec_version: string; expires: string }
export type RoleKeysDoc = { keyids: string[]; threshold: number }
export type MetaDoc = { version: number; length?: number; hashes?: Record<string, string> }
export type TargetDoc = { length: number; hashes: Record<string, string>; custom?: Record<string, Encodable> }
export type DelegationDoc = RoleKeysDoc & {
  name: string
  terminating: boolean
  paths?: string[]
  path_hash_prefixes?: string[]
}
export type SuccinctDoc = RoleKeysDoc & { bit_length: number; name_prefix: string }
export type DelegationsDoc = { keys: Map<string, Encodable>; roles?: DelegationDoc[]; succinct_roles?: SuccinctDoc }
export type RootDoc = Common & {
  _type: 'root'
  consistent_snapshot: boolean
  keys: Map<string, Encodable>
  roles: Record<TopLevelRole, RoleKeysDoc>
}
export type TimestampDoc = Common & { _type: 'timestamp'; meta: { 'snapshot.json': MetaDoc }; 'x-issued'?: string }
export type SnapshotDoc = Common & { _type: 'snapshot'; meta: Map<string, MetaDoc> }
export type TargetsDoc = Common & { _type: 'targets'; targets: Map<string, TargetDoc>; delegations?: DelegationsDoc }

export interface DelegateOptions {
  readonly paths?: string[]
  readonly hashPrefixes?: string[]
  readonly terminating?: boolean
  readonly signer?: Signer
}

/**
 * A repository in memory whose every document and key can be edited, and whose every file can be replaced. What a test changes
 * is not seen before it publishes; each publication signs with the keys that `signers` has for a role.
 */
export class RepositorySimulator implements TrustRemote {
  readonly root: RootDoc
  readonly timestamp: TimestampDoc
  readonly snapshot: SnapshotDoc
  /** `targets` and all delegated roles. */
  readonly roles = new Map<string, TargetsDoc>()
  readonly signers = new Map<string, Signer[]>()
  /** Metadata by file name, as it is served. */
  readonly files = new Map<string, Uint8Array>()
  /** Targets by file name, as they are served. */
  readonly targetFiles = new Map<string, Uint8Array>()
  /** Names of metadata, as they were requested. */
  readonly requests: string[] = []
  readonly targetRequests: string[] = []
  /** Whether timestamp and snapshot list length and hashes. */
  listHashes = false

  private constructor(consistent: boolean) {
    this.root = {
      _type: 'root',
      ...this.#common(),
      consistent_snapshot: consistent,
      keys: new Map(),
      roles: { root: noKeys(), timestamp: noKeys(), snapshot: noKeys(), targets: noKeys() },
    }
    this.timestamp = { _type: 'timestamp', ...this.#common(), meta: { 'snapshot.json': { version: 0 } } }
    this.snapshot = { _type: 'snapshot', ...this.#common(), meta: new Map() }
    this.roles.set('targets', this.newTargets())
    for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const) this.addKey(role)
  }

  static async create({ consistent = true } = {}): Promise<RepositorySimulator> {
    const repository = new RepositorySimulator(consistent)
    await repository.publishRoot()
    await repository.publish('targets')
    return repository
  }

  /** The first root: what a client is given to trust. */
  get firstRoot(): Uint8Array {
    return this.file('1.root.json')
  }

  file(name: string): Uint8Array {
    const bytes = this.files.get(name)
    if (bytes === undefined) throw new Error(`the test expects ${name}`)
    return bytes
  }

  role(name: string): TargetsDoc {
    const document = this.roles.get(name)
    if (document === undefined) throw new Error(`the test expects the role ${name}`)
    return document
  }

  newTargets(): TargetsDoc {
    return { _type: 'targets', ...this.#common(), targets: new Map() }
  }

  addKey(role: TopLevelRole, signer: Signer = newSigner()): Signer {
    this.root.keys.set(signer.key.keyid, keyDocument(signer.key))
    this.root.roles[role].keyids.push(signer.key.keyid)
    this.signers.set(role, [...(this.signers.get(role) ?? []), signer])
    return signer
  }

  /** Takes all keys of a role away, and gives it one new. Root is still signed by its old ones. */
  rotate(role: TopLevelRole): void {
    this.root.roles[role].keyids = []
    if (role !== 'root') this.signers.delete(role)
    this.addKey(role)
  }

  delegate(from: string, to: string, options: DelegateOptions = {}): Signer {
    const { paths, hashPrefixes, terminating = false, signer = newSigner() } = options
    const document = this.role(from)
    document.delegations ??= { keys: new Map(), roles: [] }
    document.delegations.keys.set(signer.key.keyid, keyDocument(signer.key))
    document.delegations.roles?.push({
      name: to,
      keyids: [signer.key.keyid],
      threshold: 1,
      terminating,
      ...(hashPrefixes === undefined ? { paths: paths ?? ['*'] } : { path_hash_prefixes: hashPrefixes }),
    })
    if (!this.roles.has(to)) this.roles.set(to, this.newTargets())
    if (this.signers.get(to)?.includes(signer) !== true) {
      this.signers.set(to, [...(this.signers.get(to) ?? []), signer])
    }
    return signer
  }

  /** Delegates to succinct bins; all of them are there, empty. */
  delegateBins(from: string, prefix: string, bits: number): readonly string[] {
    const signer = newSigner()
    const bins = { bitLength: bits, namePrefix: prefix }
    this.role(from).delegations = {
      keys: new Map([[signer.key.keyid, keyDocument(signer.key)]]),
      succinct_roles: { bit_length: bits, name_prefix: prefix, keyids: [signer.key.keyid], threshold: 1 },
    }
    const names = Array.from({ length: binCount(bins) }, (_, number) => binName(bins, number))
    for (const name of names) {
      this.roles.set(name, this.newTargets())
      this.signers.set(name, [signer])
    }
    return names
  }

  /** Puts a target into a role's list, and serves it. */
  addTarget(role: string, path: string, content: string): Uint8Array {
    const bytes = Buffer.from(content)
    const hash = sha256(bytes)
    this.role(role).targets.set(path, { length: bytes.length, hashes: { sha256: hash } })
    const segments = path.split('/')
    const name = segments.pop() ?? ''
    const prefix = this.root.consistent_snapshot ? `${hash}.` : ''
    this.targetFiles.set([...segments, `${prefix}${name}`].map(encodeURIComponent).join('/'), bytes)
    return bytes
  }

  /** The next root. */
  async publishRoot(signers = this.signers.get('root') ?? []): Promise<void> {
    this.root.version += 1
    this.files.set(`${this.root.version}.root.json`, await writeMetadata(this.root, signers))
  }

  /** The next version of each of `roles`, of snapshot and of timestamp. */
  async publish(...roles: string[]): Promise<void> {
    for (const role of roles) await this.publishRole(role)
    await this.publishSnapshot()
    await this.publishTimestamp()
  }

  async publishRole(role: string): Promise<void> {
    const document = this.role(role)
    document.version += 1
    const bytes = await this.#sign(role, document)
    this.files.set(this.#name(role, document.version), bytes)
    this.snapshot.meta.set(`${role}.json`, this.#meta(document.version, bytes))
  }

  async publishSnapshot(): Promise<void> {
    this.snapshot.version += 1
    const bytes = await this.#sign('snapshot', this.snapshot)
    this.files.set(this.#name('snapshot', this.snapshot.version), bytes)
    this.timestamp.meta['snapshot.json'] = this.#meta(this.snapshot.version, bytes)
  }

  async publishTimestamp(): Promise<void> {
    this.timestamp.version += 1
    this.files.set('timestamp.json', await this.#sign('timestamp', this.timestamp))
  }

  async metadata(name: string, _limits: FetchLimits): Promise<Uint8Array | undefined> {
    this.requests.push(name)
    return await Promise.resolve(this.files.get(name))
  }

  async target(path: string, _limits: FetchLimits): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.targetRequests.push(path)
    const bytes = this.targetFiles.get(path)
    return await Promise.resolve(bytes === undefined ? undefined : pieces(bytes))
  }

  async #sign(role: string, document: TimestampDoc | SnapshotDoc | TargetsDoc): Promise<Uint8Array> {
    return await writeMetadata(document, this.signers.get(role) ?? [])
  }

  #name(role: string, version: number): string {
    return roleFile(role, this.root.consistent_snapshot ? version : undefined)
  }

  #meta(version: number, bytes: Uint8Array): MetaDoc {
    return this.listHashes ? { version, length: bytes.length, hashes: { sha256: sha256(bytes) } } : { version }
  }

  #common(): Common {
    return { version: 0, spec_version: SPEC_VERSION, expires: writeTime(START + 30 * DAY_MS) }
  }
}

export function newSigner(): Signer {
  return keySigner(generatePrivateKey())
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function noKeys(): RoleKeysDoc {
  return { keyids: [], threshold: 1 }
}

// oxlint-disable-next-line typescript/require-await
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4) yield bytes.subarray(at, at + 4)
}

/** A key with one more member than it needs, and the id that is the hash of all of it. */
export function secondId({ key }: Signer): { keyid: string; document: Encodable } {
  const document = { keytype: key.keytype, scheme: key.scheme, keyval: { public: key.public }, 'x-note': 'spare' }
  return { keyid: sha256(Buffer.from(canonicalJson(document))), document }
}
