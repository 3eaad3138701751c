import { TrustError } from '../error.ts'
import type { MetaFile, Metadata, Root, Signature, Snapshot, Timestamp } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import { isSameTrust, missing } from './delegators.ts'
import type { Delegator } from './delegators.ts'
import { checkFresh } from './fresh.ts'
import { openPublished } from './open-published.ts'
import type { KnownSnapshot, Opened } from './open-published.ts'
import { readPlainSnapshot, readSnapshotChanges } from './plain-snapshot.ts'
import type { PlainSnapshot } from './plain-snapshot.ts'
import { RoleCheck } from './role-check.ts'
import { hasRevoked, nextRoot, trustOf } from './root.ts'
import { checkSnapshot, signedSnapshot } from './snapshot.ts'
import { nextTimestamp, rollback } from './timestamp.ts'
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
   * Reads what is published. As a `whole` it is what a client sees that was given `root`: all roots after it are followed, every role
   * is read and verified. Otherwise `root` is the newest, and only those roles are verified of which something is kept, those that
   * delegate; bins, which are nearly all and do not, are not even read. That a role does not delegate is then told by its file before
   * anybody has verified it: signatures of some seven hundred shards would cost every start more than all else, and who can write to
   * where the files are is not whom this check is against. The whole one, which does not go by that, is to follow soon after.
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
   * ask for. Nothing is changed by it. `clock` is the one that signed, where expiry is looked at as of another time.
   * @throws TrustError
   */
  check(publication: Publication, now: number, clock = now): CheckedPublication {
    const { root, revoked } = this.#checkRoots(publication.roots ?? [])
    // 5.3.10
    checkFresh('root', root.signed, now)
    const timestamp = this.#checkTimestamp(root, revoked, publication.timestamp, { clock, now })
    const { snapshot, changed, removed } = this.#checkSnapshot(root, timestamp, revoked, publication.snapshot, now)
    const delegators = this.#checkRoles(root, { changed, removed }, publication.roles, now)
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

  #checkTimestamp(
    root: Metadata<Root>,
    revoked: boolean,
    bytes: Uint8Array,
    times: { readonly clock: number; readonly now: number },
  ): Metadata<Timestamp> {
    const outcome = nextTimestamp(root, revoked ? undefined : this.#timestamp, bytes, times)
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
    { changed, removed }: Pick<ReadSnapshot, 'changed' | 'removed'>,
    files: ReadonlyMap<string, Uint8Array>,
    now: number,
  ): ReadonlyMap<string, Delegator | undefined> {
    for (const role of changed.keys()) if (!files.has(role)) throw missing(role, 'it has a new version')
    const gone = new Set(removed)
    const check = new RoleCheck({
      files,
      now,
      top: trustOf(root.signed, 'targets'),
      delegators: this.#delegators,
      metaOf: (role) => changed.get(role) ?? (gone.has(role) ? undefined : this.#versions.get(role)),
    })
    for (const role of files.keys()) check.verify(role)
    // Also after a revocation, when nobody compares with the snapshot before.
    for (const role of removed) check.verifyGone(role)
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

function isSame(a: MetaFile | undefined, b: MetaFile): boolean {
  if (a?.version !== b.version || a.length !== b.length || a.hashes?.size !== b.hashes?.size) return false
  return [...(b.hashes ?? [])].every(([algorithm, hash]) => a.hashes?.get(algorithm) === hash)
}
