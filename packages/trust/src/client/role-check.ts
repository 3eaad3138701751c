import { TrustError } from '../error.ts'
import type { MetaFile, Metadata, Targets } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'
import { checkMetaFile } from './check-file.ts'
import type { DelegationEdge } from './delegation-edges.ts'
import { delegatorOf, edgeOf, missing, newEdges } from './delegators.ts'
import type { Delegator } from './delegators.ts'
import { checkFresh } from './fresh.ts'

interface RoleCheckOptions {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly now: number
  readonly top: RoleTrust
  /** As they were before. */
  readonly delegators: ReadonlyMap<string, Delegator>
  readonly metaOf: (role: string) => MetaFile | undefined
}

/** Verifies the roles of one publication, each after those that delegate to it. */
export class RoleCheck {
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

  /** A role that the snapshot lists no more: nobody may delegate to it. */
  verifyGone(role: string): void {
    if (role === 'targets' || this.#edgesTo(role).length > 0) throw missing(role, 'it is delegated to')
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
    for (const [name] of newEdges(before, delegator)) {
      if (this.#options.files.has(name)) continue
      const isThere = this.#options.metaOf(name) !== undefined
      throw missing(name, isThere ? `${role} wants other keys for it` : `${role} delegates to it`)
    }
  }
}
