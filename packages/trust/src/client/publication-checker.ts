import { TrustError } from '../error.ts'
import { MAX_METADATA_BYTES, METADATA_DEADLINE_MS } from '../limits.ts'
import { KeyRing } from '../key-ring.ts'
import type { Delegations, MetaFile, Metadata, Root, Signature, Snapshot, Targets, Timestamp } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { roleFile } from '../role-file.ts'
import { binCount, binName, isBinName } from '../succinct-bins.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import { binEdge, namedEdge } from './delegation-edges.ts'
import type { DelegationEdge } from './delegation-edges.ts'
import { checkFresh } from './fresh.ts'
import { hasRevoked, nextRoot, trustedRoot, trustOf } from './root.ts'
import { checkSnapshot, signedSnapshot } from './snapshot.ts'
import { readPlainSnapshot, readSnapshotChanges } from './plain-snapshot.ts'
import type { PlainSnapshot } from './plain-snapshot.ts'
import { verifiedTargets } from './targets.ts'
import { nextTimestamp, rollback, signedTimestamp } from './timestamp.ts'
import type { TrustRemote } from './trust-io.ts'

/** Files that are about to be published, in memory. */
export interface Publication {
  /** New roots, one after the other. */
  readonly roots?: readonly Uint8Array[]
  readonly timestamp: Uint8Array
  /** None where only the timestamp is renewed. */
  readonly snapshot?: Uint8Array | undefined
  /** Targets roles by name: all that are new or have another version. Unchanged ones may be among them. */
  readonly roles: ReadonlyMap<string, Uint8Array>
}

/** What a check has shown to be right, for `adopt`. */
export interface CheckedPublication {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp>
  readonly snapshot: KnownSnapshot
  readonly changed: ReadonlyMap<string, MetaFile>
  /** Only where keys of timestamp or snapshot were revoked. */
  readonly removed: readonly string[]
  /** Roles as they are now; `undefined` for one that delegates to nobody. */
  readonly delegators: ReadonlyMap<string, Delegator | undefined>
}

interface KnownSnapshot {
  readonly version: number
  readonly expires: number
  readonly specVersion: string
  readonly bytes: Uint8Array
  /** Whether `bytes` is in the form whose next version can be read by its changes. */
  readonly plain: boolean
}

interface Delegator {
  readonly delegations: Delegations
  readonly edges: ReadonlyMap<string, DelegationEdge>
}

/**
 * What a publisher holds its next publication against before the world sees it: the client's own checks, from a set that is in
 * memory, at the cost of what changes. Only the roles that delegate are kept. Its lists are its own: a check changes nothing,
 * `adopt` does.
 */
export class PublicationChecker {
  #root: Metadata<Root>
  #timestamp: Metadata<Timestamp>
  #snapshot: KnownSnapshot
  readonly #versions: Map<string, MetaFile>
  readonly #delegators: Map<string, Delegator>

  private constructor(opened: Opened) {
    this.#root = opened.root
    this.#timestamp = opened.timestamp
    this.#snapshot = opened.snapshot
    this.#versions = new Map(opened.versions)
    this.#delegators = opened.delegators
  }

  /**
   * Reads what is published, from `root` on. As a `whole` every role is read and verified. Otherwise only those are verified of
   * which something is kept, those that delegate; bins, which are nearly all and do not, are not even read.
   * @throws TrustError
   */
  static async open(options: {
    readonly root: Uint8Array
    readonly remote: TrustRemote
    readonly now: number
    readonly whole: boolean
  }): Promise<PublicationChecker> {
    return new PublicationChecker(await openPublished(options))
  }

  /** Version of the snapshot that was adopted last. */
  get snapshot(): number {
    return this.#snapshot.version
  }

  /**
   * Verifies a publication as a client would that has seen the one before, and more: that nothing is missing which a client may
   * ask for. Nothing is changed by it.
   * @throws TrustError
   */
  check(publication: Publication, now: number): CheckedPublication {
    const { root, revoked } = this.#checkRoots(publication.roots ?? [])
    // 5.3.10
    checkFresh('root', root.signed, now)
    const timestamp = this.#checkTimestamp(root, revoked, publication.timestamp, now)
    const { snapshot, changed, removed } = this.#checkSnapshot(root, timestamp, revoked, publication.snapshot, now)
    const delegators = this.#checkRoles(root, changed, publication.roles, now)
    return { root, timestamp, snapshot, changed, removed, delegators }
  }

  /** Goes on from a publication that was checked, and is out now. */
  adopt({ root, timestamp, snapshot, changed, removed, delegators }: CheckedPublication): void {
    this.#root = root
    this.#timestamp = timestamp
    this.#snapshot = snapshot
    for (const [role, meta] of changed) this.#versions.set(role, meta)
    for (const role of removed) this.#versions.delete(role)
    for (const [role, delegator] of delegators) {
      if (delegator === undefined) this.#delegators.delete(role)
      else this.#delegators.set(role, delegator)
    }
  }

  #checkRoots(roots: readonly Uint8Array[]): { root: Metadata<Root>; revoked: boolean } {
    let root = this.#root
    let revoked = false
    for (const bytes of roots) {
      const next = nextRoot(root, bytes)
      revoked ||= hasRevoked(root.signed, next.signed)
      root = next
    }
    return { root, revoked }
  }

  #checkTimestamp(root: Metadata<Root>, revoked: boolean, bytes: Uint8Array, now: number): Metadata<Timestamp> {
    const outcome = nextTimestamp(root, revoked ? undefined : this.#timestamp, bytes, now)
    if (outcome.kind === 'new') return outcome.timestamp
    throw new TrustError('version-mismatch', 'The timestamp is not newer than the one that is published.')
  }

  #checkSnapshot(
    root: Metadata<Root>,
    timestamp: Metadata<Timestamp>,
    revoked: boolean,
    bytes: Uint8Array | undefined,
    now: number,
  ): Pick<CheckedPublication, 'snapshot' | 'changed' | 'removed'> {
    checkMetaFile('snapshot', timestamp.signed.snapshot, bytes ?? this.#snapshot.bytes)
    if (bytes === undefined) {
      if (root !== this.#root) signedSnapshot(root, this.#snapshot.bytes)
      checkSnapshot(timestamp, this.#snapshot, now)
      return { snapshot: this.#snapshot, changed: new Map(), removed: [] }
    }
    const read = this.#readSnapshot(bytes)
    verifyThreshold('snapshot', read, trustOf(root.signed, 'snapshot'))
    checkSnapshot(timestamp, read.signed, now)
    const { version, expires, specVersion } = read.signed
    const snapshot = { version, expires, specVersion, bytes, plain: read.plain }
    // After a revocation clients have nothing to compare with (5.3.11).
    if (!revoked) this.#checkVersions(read)
    return { snapshot, changed: read.changed, removed: read.removed }
  }

  /** 5.5.5, of what changes. */
  #checkVersions({ changed, removed }: Pick<ReadSnapshot, 'changed' | 'removed'>): void {
    const [gone] = removed
    if (gone !== undefined) throw new TrustError('rollback', `${gone} is no longer in the snapshot.`)
    for (const [role, { version }] of changed) {
      const before = this.#versions.get(role)
      if (before !== undefined && version < before.version) throw rollback(role, version, before.version)
    }
  }

  #readSnapshot(bytes: Uint8Array): ReadSnapshot {
    if (this.#snapshot.plain) {
      const before: PlainSnapshot = { bytes: this.#snapshot.bytes, meta: this.#versions }
      const changes = readSnapshotChanges(before, bytes)
      if (changes !== undefined) return { ...changes, plain: true }
    }
    const plain = readPlainSnapshot(bytes)
    const whole = plain ?? readMetadata('snapshot', bytes)
    const changed = new Map([...whole.signed.meta].filter(([role, meta]) => !isSame(this.#versions.get(role), meta)))
    const removed = [...this.#versions.keys()].filter((role) => !whole.signed.meta.has(role))
    return { ...whole, changed, removed, plain: plain !== undefined }
  }

  /** Every role that changed is there, signed for everyone who delegates to it; and everyone delegated to is in the snapshot. */
  #checkRoles(
    root: Metadata<Root>,
    changed: ReadonlyMap<string, MetaFile>,
    files: ReadonlyMap<string, Uint8Array>,
    now: number,
  ): ReadonlyMap<string, Delegator | undefined> {
    for (const role of changed.keys()) if (!files.has(role)) throw missing(role, 'it has a new version')
    const check = new RoleCheck({
      files,
      now,
      top: trustOf(root.signed, 'targets'),
      delegators: this.#delegators,
      metaOf: (role) => changed.get(role) ?? this.#versions.get(role),
    })
    for (const role of files.keys()) check.verify(role)
    if (
      root !== this.#root &&
      !files.has('targets') &&
      !isSameTrust(check.top, trustOf(this.#root.signed, 'targets'))
    ) {
      throw missing('targets', 'its keys have changed')
    }
    return check.verified
  }
}

type ReadSnapshot = {
  readonly signed: Pick<Snapshot, 'version' | 'expires' | 'specVersion'>
  readonly signatures: readonly Signature[]
  readonly signedBytes: Uint8Array
  readonly changed: ReadonlyMap<string, MetaFile>
  readonly removed: readonly string[]
  readonly plain: boolean
}

interface RoleCheckOptions {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly now: number
  readonly top: RoleTrust
  /** As they were before. */
  readonly delegators: ReadonlyMap<string, Delegator>
  readonly metaOf: (role: string) => MetaFile | undefined
}

/** Verifies the roles of one publication, each after those that delegate to it. */
class RoleCheck {
  readonly #options: RoleCheckOptions
  /** Who delegates to whom in the end: the roles of this publication as they will be, the others as they are. */
  readonly #delegators: ReadonlyMap<string, Delegator>
  readonly #read = new Map<string, Metadata<Targets>>()
  readonly verified = new Map<string, Delegator | undefined>()

  constructor(options: RoleCheckOptions) {
    this.#options = options
    const delegators = new Map(options.delegators)
    for (const [role, bytes] of options.files) {
      const targets = readMetadata('targets', bytes)
      this.#read.set(role, targets)
      const delegator = delegatorOf(targets)
      if (delegator === undefined) delegators.delete(role)
      else delegators.set(role, delegator)
    }
    this.#delegators = delegators
  }

  get top(): RoleTrust {
    return this.#options.top
  }

  verify(role: string): void {
    const targets = this.#read.get(role)
    const meta = this.#options.metaOf(role)
    if (targets === undefined || meta === undefined) throw missing(role, 'it is not in the snapshot')
    checkMetaFile(role, meta, targets.bytes)
    const trusts = role === 'targets' ? [this.#options.top] : this.#edgesTo(role)
    if (trusts.length === 0) throw new TrustError('missing-role', `Nobody delegates to ${role}.`)
    for (const trust of trusts) verifyThreshold(role, targets, trust)
    if (targets.signed.version !== meta.version) {
      throw new TrustError('version-mismatch', `${role} has version ${targets.signed.version}, not ${meta.version}.`)
    }
    checkFresh(role, targets.signed, this.#options.now)
    const delegator = this.#delegators.get(role)
    this.verified.set(role, delegator)
    if (delegator !== undefined) this.#checkDelegated(role, delegator)
  }

  #edgesTo(role: string): readonly DelegationEdge[] {
    const edges: DelegationEdge[] = []
    for (const delegator of this.#delegators.values()) {
      const edge = edgeOf(delegator, role)
      if (edge !== undefined) edges.push(edge)
    }
    return edges
  }

  /** Who is delegated to is in the snapshot; and in this publication, where other keys count for it than before. */
  #checkDelegated(role: string, delegator: Delegator): void {
    const before = this.#options.delegators.get(role)
    for (const [name, edge] of newEdges(before, delegator)) {
      if (this.#options.metaOf(name) === undefined) throw missing(name, `${role} delegates to it`)
      if (!this.#options.files.has(name)) throw missing(name, `${role} wants other keys for it`)
      if (edge.keyids.length < edge.threshold) {
        throw new TrustError('threshold-not-met', `${name} can never have the ${edge.threshold} signatures it needs.`)
      }
    }
  }
}

function delegatorOf({ signed: { delegations } }: Metadata<Targets>): Delegator | undefined {
  if (delegations === undefined) return undefined
  return { delegations, edges: new Map(delegations.roles.map((one) => [one.name, namedEdge(delegations, one)])) }
}

function edgeOf({ delegations, edges }: Delegator, role: string): DelegationEdge | undefined {
  const { succinct } = delegations
  if (succinct === undefined) return edges.get(role)
  return isBinName(succinct, role) ? binEdge(delegations, succinct, role) : undefined
}

/** Edges by which other keys count than before. */
function* newEdges(before: Delegator | undefined, after: Delegator): Generator<[string, DelegationEdge]> {
  const { succinct } = after.delegations
  if (succinct === undefined) {
    for (const [name, edge] of after.edges) {
      const old = before === undefined ? undefined : edgeOf(before, name)
      if (old === undefined || !isSameTrust(old, edge)) yield [name, edge]
    }
    return
  }
  const first = binEdge(after.delegations, succinct, binName(succinct, 0))
  const old = before?.delegations.succinct
  const isAsBefore =
    before !== undefined &&
    old?.bitLength === succinct.bitLength &&
    old.namePrefix === succinct.namePrefix &&
    isSameTrust(binEdge(before.delegations, old, first.name), first)
  if (isAsBefore) return
  for (let number = 0; number < binCount(succinct); number += 1) {
    const name = binName(succinct, number)
    yield [name, binEdge(after.delegations, succinct, name)]
  }
}

/** Whether the same keys count: a changed shard names thousands of projects, whose keys are not all read for that. */
function isSameTrust(a: RoleTrust, b: RoleTrust): boolean {
  if (a.threshold !== b.threshold || a.keyids.length !== b.keyids.length) return false
  return a.keyids.every((keyid, at) => keyid === b.keyids[at] && isSameKey(a, b, keyid))
}

function isSameKey({ keys: a }: RoleTrust, { keys: b }: RoleTrust, keyid: string): boolean {
  if (a instanceof KeyRing && b instanceof KeyRing) return a.listsAlike(b, keyid)
  return a.get(keyid)?.fingerprint === b.get(keyid)?.fingerprint
}

function isSame(a: MetaFile | undefined, b: MetaFile): boolean {
  if (a?.version !== b.version || a.length !== b.length || a.hashes?.size !== b.hashes?.size) return false
  return [...(b.hashes ?? [])].every(([algorithm, hash]) => a.hashes?.get(algorithm) === hash)
}

interface Opened {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp>
  readonly snapshot: KnownSnapshot
  readonly versions: ReadonlyMap<string, MetaFile>
  readonly delegators: Map<string, Delegator>
}

/** From the root to the last role that is delegated to, each under everyone who delegates to it. */
async function openPublished(options: {
  readonly root: Uint8Array
  readonly remote: TrustRemote
  readonly now: number
  readonly whole: boolean
}): Promise<Opened> {
  const { remote, now, whole } = options
  const fetch = async (name: string) => {
    const bytes = await remote.metadata(name, { maxBytes: MAX_METADATA_BYTES, deadlineMs: METADATA_DEADLINE_MS })
    if (bytes === undefined) throw new TrustError('missing-role', `${name} is not there.`)
    return bytes
  }
  const root = trustedRoot(options.root)
  checkFresh('root', root.signed, now)
  const timestamp = signedTimestamp(root, await fetch(roleFile('timestamp')))
  checkFresh('timestamp', timestamp.signed, now)
  const wanted = timestamp.signed.snapshot
  const bytes = await fetch(roleFile('snapshot', wanted.version))
  checkMetaFile('snapshot', wanted, bytes)
  const snapshot = signedSnapshot(root, bytes)
  checkSnapshot(timestamp, snapshot.signed, now)
  const { meta, version, expires, specVersion } = snapshot.signed
  const delegators = new Map<string, Delegator>()
  const ahead: [string, RoleTrust][] = [['targets', trustOf(root.signed, 'targets')]]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const [role, trust] = next
    const listed = meta.get(role)
    if (listed === undefined) throw missing(role, 'it is delegated to')
    const file = await fetch(roleFile(role, listed.version))
    if (!whole && readMetadata('targets', file).signed.delegations === undefined) continue
    const delegator = delegatorOf(verifiedTargets(role, trust, listed, file, now))
    if (delegator === undefined || delegators.has(role)) continue
    delegators.set(role, delegator)
    if (delegator.delegations.succinct === undefined || whole) ahead.push(...newEdges(undefined, delegator))
  }
  const known = { version, expires, specVersion, bytes, plain: readPlainSnapshot(bytes) !== undefined }
  return { root, timestamp, snapshot: known, versions: meta, delegators }
}

function missing(role: string, why: string): TrustError {
  return new TrustError('missing-role', `${role} is missing: ${why}.`)
}
