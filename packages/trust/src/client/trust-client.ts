import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { TrustError } from '../error.ts'
import {
  MAX_METADATA_BYTES,
  MAX_ROOT_BYTES,
  MAX_ROOT_ROTATIONS,
  MAX_SNAPSHOT_BYTES,
  MAX_STATE_CHANGES,
  MAX_TIMESTAMP_BYTES,
  METADATA_DEADLINE_MS,
  PATHS_AT_A_TIME,
  TARGET_DEADLINE_MS,
} from '../limits.ts'
import type { Metadata, Root, TargetFile, Targets, TopLevelRole } from '../metadata.ts'
import { escapeSegment, roleFile } from '../role-file.ts'
import { edgeTo } from './delegation-edges.ts'
import type { DelegationEdge } from './delegation-edges.ts'
import { findTarget } from './find-target.ts'
import type { Lookup } from './find-target.ts'
import { checkFresh } from './fresh.ts'
import { RoleStore } from './role-store.ts'
import { trustedRoot, trustOf } from './root.ts'
import {
  hasCurrentSnapshot,
  loadSet,
  snapshotOf,
  timestampOf,
  withRoot,
  withSnapshot,
  withTimestamp,
} from './trusted-set.ts'
import type { TrustedSet } from './trusted-set.ts'
import { FIRST_ROOT } from './trust-io.ts'
import type { TrustRemote, TrustState } from './trust-io.ts'
import { verifiedTarget } from './verified-target.ts'

export interface TrustClientOptions {
  readonly state: TrustState
  readonly remote: TrustRemote
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What a refresh found. */
export interface Refreshed {
  /** Version of the snapshot that is trusted now. */
  readonly snapshot: number
  /** Whether that is another than before. */
  readonly changed: boolean
  /** The repository showed the timestamp that is trusted with other contents: somebody signs two versions of one truth. */
  readonly equivocation: boolean
}

/**
 * Makes `root` what is trusted first, in a state that holds nothing yet. A state that has one keeps its own, which may be newer.
 * @throws TrustError where the root is not whole, or is neither the one that the state began with nor the one that it has
 * (`state-invalid`; attacks.md MM-2)
 */
export async function initialiseState(state: TrustState, root: Uint8Array): Promise<'created' | 'kept'> {
  const given = trustedRoot(root)
  const stored = await state.read('root')
  if (stored === undefined) {
    if (!(await state.swap('root', undefined, root))) throw stateChanged()
    // Cut off before this, the state is as one that was made before anything remembered its first root.
    await state.swap(FIRST_ROOT, await state.read(FIRST_ROOT), hashOf(given))
    return 'created'
  }
  const kept = loadSet({ root: stored, timestamp: undefined, snapshot: undefined }).root
  if (Buffer.compare(kept.signedBytes, given.signedBytes) === 0) return 'kept'
  const first = await state.read(FIRST_ROOT)
  const isFirst =
    first === undefined ? given.signed.version < kept.signed.version : Buffer.compare(first, hashOf(given)) === 0
  if (!isFirst) throw new TrustError('state-invalid', 'The state belongs to another root already.')
  return 'kept'
}

/** Of what is signed: one more signature makes no other root. */
function hashOf({ signedBytes }: Metadata<Root>): Uint8Array {
  return Buffer.from(hash('sha256', signedBytes))
}

/**
 * A client of one repository that lives as long as it likes: it refreshes whenever it is asked to, and answers from one
 * consistent set of roles in between, also without network, until that expires. Several processes may share a state.
 */
export class TrustClient {
  readonly #options: TrustClientOptions
  readonly #roles: RoleStore
  /** As far as the workflow came. */
  #set: TrustedSet
  /** The last set that was whole: root, timestamp, snapshot and targets fit together. What look-ups are answered from. */
  #whole: TrustedSet | undefined
  /** What the state holds, as far as this process knows. */
  readonly #stored: Map<TopLevelRole, Uint8Array>
  #refreshing: Promise<Refreshed> | undefined

  private constructor(options: TrustClientOptions, loaded: Loaded) {
    this.#options = options
    this.#roles = new RoleStore(options.state, options.remote)
    this.#set = loaded.set
    this.#stored = loaded.stored
    this.#whole = wholeOf(loaded.set)
  }

  /** Opens a state that has a root; nothing is requested. @throws TrustError `state-invalid` */
  static async open(options: TrustClientOptions): Promise<TrustClient> {
    return new TrustClient(options, await loadState(options.state))
  }

  /** The root that is trusted now. */
  get root(): Metadata<Root> {
    return this.#set.root
  }

  /** Version of the snapshot that look-ups are answered from; `undefined` before the first refresh. */
  get snapshot(): number | undefined {
    return this.#whole?.snapshot?.signed.version
  }

  /** When the trusted timestamp was signed, in milliseconds since 1970; 0 where it does not say. */
  get issued(): number {
    return this.#set.issued
  }

  /**
   * Brings the trusted set up to date (specification 5.3 to 5.6.5). What verified is stored even if what follows it does not;
   * look-ups stay with the last whole set. Who asks while one is under way gets that one's result.
   * @throws TrustError
   */
  refresh(): Promise<Refreshed> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /**
   * What is signed about a target path (5.6.7): its file and the roles that vouch for it, or that nobody lists it.
   * @throws TrustError; an error is never "absent"
   */
  async find(path: string): Promise<Lookup> {
    const { set, now } = await this.#usable()
    return await findTarget(path, trustOf(set.root.signed, 'targets'), (role, trust) =>
      this.#roles.get(set, role, trust, now),
    )
  }

  /**
   * All that a role lists, as far as each of the roles before it hands those paths on: `chain` as a look-up tells it, from
   * `targets` to the role.
   * @throws TrustError `missing-role` where one of them does not delegate to the next
   */
  async list(chain: readonly string[]): Promise<ReadonlyMap<string, TargetFile>> {
    const { targets, edges } = await this.#follow(chain)
    const files = new Map<string, TargetFile>()
    let looked = 0
    for (const [path, file] of targets.signed.targets) {
      looked += 1
      if (looked % PATHS_AT_A_TIME === 0) await setImmediate()
      if (edges.every((edge) => edge.covers(path))) files.set(path, file)
    }
    return files
  }

  /**
   * What one role says of a target path, whichever role before it in the order says something too: `chain` as a look-up tells it.
   * Undefined: it lists no such path, or one of the chain does not hand that over.
   * @throws TrustError `missing-role` where one of them does not delegate to the next
   */
  async findIn(chain: readonly string[], path: string): Promise<TargetFile | undefined> {
    const { targets, edges } = await this.#follow(chain)
    return edges.every((edge) => edge.covers(path)) ? targets.signed.targets.get(path) : undefined
  }

  /**
   * The version of a role: `chain` as a look-up tells it, from `targets` to the role.
   * @throws TrustError `missing-role` where one of them does not delegate to the next
   */
  async version(chain: readonly string[]): Promise<number> {
    return (await this.#follow(chain)).targets.signed.version
  }

  /**
   * Downloads a target that was found, in pieces; see `verifiedTarget` for what may be done with them before the end.
   * @throws TrustError, while it is read too
   */
  async *download(path: string, file: TargetFile): AsyncGenerator<Uint8Array> {
    const source = await this.#options.remote.target(targetFile(this.#set.root.signed, path, file), {
      maxBytes: file.length,
      deadlineMs: TARGET_DEADLINE_MS,
    })
    if (source === undefined) throw new TrustError('fetch-failed', `The repository does not have ${path}.`)
    yield* verifiedTarget(path, file, source)
  }

  async #follow(chain: readonly string[]): Promise<{ targets: Metadata<Targets>; edges: readonly DelegationEdge[] }> {
    const { set, now } = await this.#usable()
    const [top, ...rest] = chain
    if (top !== 'targets') throw new TrustError('missing-role', 'A chain of roles begins with targets.')
    let targets = await this.#roles.get(set, top, trustOf(set.root.signed, top), now)
    const edges: DelegationEdge[] = []
    for (const role of rest) {
      const { delegations } = targets.signed
      const edge = delegations === undefined ? undefined : edgeTo(delegations, role)
      if (edge === undefined) throw new TrustError('missing-role', `Nobody in this chain delegates to ${role}.`)
      targets = await this.#roles.get(set, role, edge, now)
      edges.push(edge)
    }
    return { targets, edges }
  }

  /** The set to answer from, if it has not expired meanwhile, and the time to go by. */
  async #usable(): Promise<{ readonly set: TrustedSet; readonly now: number }> {
    // A new root has just been found, or the first refresh is under way.
    if (this.#whole === undefined) await this.#refreshing
    const set = this.#whole
    if (set === undefined) throw new TrustError('state-invalid', 'There is no whole trusted set yet; refresh first.')
    const now = Math.max(this.#options.now(), this.#set.issued)
    checkFresh('root', set.root.signed, now)
    checkFresh('timestamp', timestampOf(set).signed, now)
    checkFresh('snapshot', snapshotOf(set).signed, now)
    return { set, now }
  }

  async #refresh(): Promise<Refreshed> {
    // Others share the state: a root that one of them has seen may be kept from this one now (attacks.md FF-TS).
    if (await this.#isBehind()) await this.#adopt()
    for (let changes = 0; ; changes += 1) {
      try {
        return await this.#update()
      } catch (error) {
        if (!(error instanceof TrustError) || error.code !== 'state-changed' || changes === MAX_STATE_CHANGES)
          throw error
        await this.#adopt()
      }
    }
  }

  async #isBehind(): Promise<boolean> {
    for (const role of ['root', 'timestamp'] as const) {
      if (!isSame(await this.#options.state.read(role), this.#stored.get(role))) return true
    }
    return false
  }

  /** Another process has stored something newer: goes on from there. */
  async #adopt(): Promise<void> {
    const loaded = await loadState(this.#options.state)
    this.#stored.clear()
    for (const [role, bytes] of loaded.stored) this.#stored.set(role, bytes)
    const rootChanged = Buffer.compare(loaded.set.root.bytes, this.#set.root.bytes) !== 0
    this.#set = {
      ...loaded.set,
      issued: rootChanged ? loaded.set.issued : Math.max(loaded.set.issued, this.#set.issued),
    }
    if (rootChanged) this.#whole = undefined
  }

  async #update(): Promise<Refreshed> {
    // 5.1: one time for the whole update.
    const started = this.#options.now()
    const time = () => Math.max(started, this.#set.issued)
    const before = this.#whole?.snapshot?.signed.version
    await this.#updateRoot()
    checkFresh('root', this.#set.root.signed, time())
    const equivocation = await this.#updateTimestamp(started)
    await this.#updateSnapshot(time())
    // 5.6; delegated roles follow when they are asked for.
    await this.#roles.get(this.#set, 'targets', trustOf(this.#set.root.signed, 'targets'), time())
    this.#whole = this.#set
    const snapshot = snapshotOf(this.#set).signed.version
    return { snapshot, changed: snapshot !== before, equivocation }
  }

  /** 5.3: from the trusted root to the newest, one by one, as far as the repository has them. */
  async #updateRoot(): Promise<void> {
    for (let rotations = 0; ; rotations += 1) {
      const version = this.#set.root.signed.version + 1
      // 5.3.3: this many in one refresh; the next goes on from there (attacks.md ROOT-N).
      if (rotations === MAX_ROOT_ROTATIONS) return
      // Roots always have their version in their name.
      const bytes = await this.#fetch(roleFile('root', version), MAX_ROOT_BYTES)
      if (bytes === undefined) return
      const { set, revoked } = withRoot(this.#set, bytes)
      this.#whole = undefined
      if (revoked) {
        // 5.3.11, before 5.3.8: cut off between the two, what was signed far ahead is gone all the same.
        await this.#store('snapshot', undefined)
        await this.#store('timestamp', undefined)
      }
      await this.#store('root', bytes)
      this.#set = set
    }
  }

  /** 5.4. Returns whether the repository contradicts itself. */
  async #updateTimestamp(clock: number): Promise<boolean> {
    const bytes = await this.#fetch(roleFile('timestamp'), MAX_TIMESTAMP_BYTES)
    if (bytes === undefined) throw new TrustError('fetch-failed', 'The repository has no timestamp.')
    const { set, equivocation } = withTimestamp(this.#set, bytes, clock)
    if (set !== this.#set) {
      await this.#store('timestamp', bytes)
      this.#set = set
      return equivocation
    }
    // What is trusted already may have expired since: a repeated timestamp freezes nobody for longer (attacks.md FZ-TS).
    checkFresh('timestamp', timestampOf(set).signed, Math.max(clock, set.issued))
    return equivocation
  }

  /** 5.5 */
  async #updateSnapshot(now: number): Promise<void> {
    if (hasCurrentSnapshot(this.#set)) {
      checkFresh('snapshot', snapshotOf(this.#set).signed, now)
      return
    }
    const { version, length } = timestampOf(this.#set).signed.snapshot
    const name = roleFile('snapshot', this.#set.root.signed.consistentSnapshot ? version : undefined)
    const bytes = await this.#fetch(name, Math.min(length ?? MAX_SNAPSHOT_BYTES, MAX_METADATA_BYTES))
    if (bytes === undefined) {
      throw new TrustError('missing-role', `The repository does not have snapshot version ${version}.`)
    }
    const set = withSnapshot(this.#set, bytes, now)
    await this.#store('snapshot', bytes)
    this.#set = set
  }

  async #fetch(name: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#options.remote.metadata(name, { maxBytes, deadlineMs: METADATA_DEADLINE_MS })
    if (bytes !== undefined && bytes.length > maxBytes) {
      throw new TrustError('limit-exceeded', `${name} has more than ${maxBytes} bytes.`)
    }
    return bytes
  }

  async #store(role: TopLevelRole, bytes: Uint8Array | undefined): Promise<void> {
    const expected = this.#stored.get(role)
    if (expected === undefined && bytes === undefined) return
    const { state } = this.#options
    // Another process that has stored the very same file changes nothing: of many that follow one snapshot each gets there.
    if (!(await state.swap(role, expected, bytes)) && !isSame(await state.read(role), bytes)) throw stateChanged()
    if (bytes === undefined) this.#stored.delete(role)
    else this.#stored.set(role, bytes)
  }
}

/** The trusted set, and the bytes that it came from. */
export interface Loaded {
  readonly set: TrustedSet
  readonly stored: Map<TopLevelRole, Uint8Array>
}

/** What a state holds. @throws TrustError `state-invalid` where that is no root, or not a whole one */
export async function loadState(state: TrustState): Promise<Loaded> {
  const stored = new Map<TopLevelRole, Uint8Array>()
  for (const role of ['root', 'timestamp', 'snapshot'] as const) {
    const bytes = await state.read(role)
    if (bytes !== undefined) stored.set(role, bytes)
  }
  const root = stored.get('root')
  if (root === undefined) throw new TrustError('state-invalid', 'There is no trusted root; it has to be given first.')
  // Another process has stored a newer one meanwhile: what was read after it does not count under this one.
  if (!isSame(root, await state.read('root'))) return await loadState(state)
  return { set: loadSet({ root, timestamp: stored.get('timestamp'), snapshot: stored.get('snapshot') }), stored }
}

/** What is stored can be worked with as it is, if the snapshot is the timestamp's; expiry is looked at with each question. */
function wholeOf(set: TrustedSet): TrustedSet | undefined {
  return set.timestamp !== undefined && hasCurrentSnapshot(set) ? set : undefined
}

/** 5.7.3: with consistent snapshots the file's hash stands before its name, in the last segment of the path. */
function targetFile(root: Root, path: string, file: TargetFile): string {
  const segments = path.split('/')
  const hash = root.consistentSnapshot ? (file.hashes.get('sha256') ?? [...file.hashes.values()][0]) : undefined
  const name = segments.pop() ?? ''
  return [...segments, hash === undefined ? name : `${hash}.${name}`].map(escapeSegment).join('/')
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}

export function stateChanged(): TrustError {
  return new TrustError('state-changed', 'Another process has changed the trusted state meanwhile.')
}
