import { TrustError } from '../error.ts'
import { MAX_METADATA_BYTES, MAX_TARGETS_BYTES, METADATA_DEADLINE_MS } from '../limits.ts'
import type { MetaFile, Metadata, Targets } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { roleFile } from '../role-file.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import { checkFresh } from './fresh.ts'
import { RoleCache } from './role-cache.ts'
import type { Kept } from './role-cache.ts'
import { listed, verifiedTargets } from './targets.ts'
import type { TrustedSet } from './trusted-set.ts'
import { snapshotOf } from './trusted-set.ts'
import type { TrustRemote, TrustState } from './trust-io.ts'

/** A role that is being got, and for whom. */
interface Getting {
  readonly trust: RoleTrust
  readonly meta: MetaFile
  readonly got: Promise<Metadata<Targets>>
}

/** Gets targets roles: from memory, else from the state, else from the repository; verified for whoever asks. */
export class RoleStore {
  readonly #state: TrustState
  readonly #remote: TrustRemote
  readonly #parsed = new RoleCache()
  readonly #getting = new Map<string, Getting>()

  constructor(state: TrustState, remote: TrustRemote) {
    this.#state = state
    this.#remote = remote
  }

  /**
   * A role as the snapshot of `set` lists it and `trust` wants it signed. What is stored is verified against this delegator, and
   * fetched again if it does not count (attacks.md DEL-6). What was fetched is stored.
   * @throws TrustError; `missing-role` where the repository does not have it
   */
  async get(set: TrustedSet, role: string, trust: RoleTrust, now: number): Promise<Metadata<Targets>> {
    const meta = listed(snapshotOf(set).signed, role)
    const kept = this.#parsed.get(role)
    if (kept !== undefined && counts(role, trust, meta, kept, now)) {
      kept.trust = trust
      return kept.targets
    }
    // Those who ask for the same in the same name share one answer, and one failure.
    const under = this.#getting.get(role)
    if (under !== undefined && under.meta === meta && isSameTrust(under.trust, trust)) return await under.got
    const got = this.#obtain(set, role, trust, meta, now)
    const getting = { trust, meta, got }
    this.#getting.set(role, getting)
    try {
      return await got
    } finally {
      if (this.#getting.get(role) === getting) this.#getting.delete(role)
    }
  }

  async #obtain(
    set: TrustedSet,
    role: string,
    trust: RoleTrust,
    meta: MetaFile,
    now: number,
  ): Promise<Metadata<Targets>> {
    const stored = await this.#state.read(role)
    const found = stored === undefined ? undefined : readStored(stored)
    if (found !== undefined && counts(role, trust, meta, { targets: found, trust: undefined }, now)) {
      this.#parsed.set(role, found, trust)
      return found
    }
    const bytes = await this.#fetch(set, role, meta)
    const targets = verifiedTargets(role, trust, meta, bytes, now)
    // Another process that was faster has stored what it verified itself; either will be verified again.
    await this.#state.swap(role, stored, bytes)
    this.#parsed.set(role, targets, trust)
    return targets
  }

  async #fetch(set: TrustedSet, role: string, meta: MetaFile): Promise<Uint8Array> {
    const name = roleFile(role, set.root.signed.consistentSnapshot ? meta.version : undefined)
    const maxBytes = Math.min(meta.length ?? MAX_TARGETS_BYTES, MAX_METADATA_BYTES)
    const bytes = await this.#remote.metadata(name, { maxBytes, deadlineMs: METADATA_DEADLINE_MS })
    if (bytes === undefined) {
      throw new TrustError('missing-role', `The repository does not have ${role} version ${meta.version}.`)
    }
    if (bytes.length > maxBytes) throw new TrustError('limit-exceeded', `${role} has more than ${maxBytes} bytes.`)
    return bytes
  }
}

/**
 * Whether a role that is at hand is the one that is wanted. One that is, and has expired, is an error: there is no newer one
 * in this snapshot.
 */
function counts(
  role: string,
  trust: RoleTrust,
  meta: MetaFile,
  { targets, trust: before }: Kept,
  now: number,
): boolean {
  if (targets.signed.version !== meta.version) return false
  try {
    if (meta.hashes !== undefined || meta.length !== undefined) checkMetaFile(role, meta, targets.bytes)
    if (before === undefined || !isSameTrust(before, trust)) verifyThreshold(role, targets, trust)
  } catch (error) {
    if (error instanceof TrustError) return false
    throw error
  }
  checkFresh(role, targets.signed, now)
  return true
}

/** Whether two are of the same parsed delegator: its own objects, not equal ones. */
function isSameTrust(a: RoleTrust, b: RoleTrust): boolean {
  return a.keyids === b.keyids && a.keys === b.keys && a.threshold === b.threshold
}

function readStored(bytes: Uint8Array): Metadata<Targets> | undefined {
  try {
    return readMetadata('targets', bytes)
  } catch (error) {
    if (error instanceof TrustError) return undefined
    throw error
  }
}
