import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import type { Delegations, Metadata, Root, Targets } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import type { RoleTrust } from '../threshold.ts'
import { verifyThreshold } from '../threshold.ts'
import { delegatorOf } from './role-layout.ts'
import type { LoadRole, RepositoryState } from './repository-state.ts'
import { delegatedTrust, topTrust } from './repository-state.ts'
import { delegationsOf, emptyRole } from './role-document.ts'

/** A role that is to be signed. */
interface Edited {
  readonly document: JsonObject
  readonly delegator: string | undefined
}

/** A role file that was signed elsewhere. */
export interface Accepted {
  readonly metadata: Metadata<Targets>
  readonly delegator: string | undefined
}

/** Trust in a role, and the patterns it was given: `undefined` where nothing limits it. */
export type DelegatedTrust = RoleTrust & { readonly paths: readonly string[] | undefined }

/** One publish in the making: what is stored, loaded as it is needed, and what will take its place. */
export class WorkingCopy {
  readonly state: RepositoryState
  readonly #load: LoadRole
  readonly edited = new Map<string, Edited>()
  readonly accepted = new Map<string, Accepted>()
  /** The root that will be the newest. */
  root: Metadata<Root>
  readonly #stored = new Map<string, Promise<Metadata<Targets> | undefined>>()
  readonly #delegations = new WeakMap<JsonObject, Delegations | undefined>()

  constructor(state: RepositoryState, load: LoadRole) {
    this.state = state
    this.#load = load
    this.root = state.root
  }

  /** Who delegates to `role`: as the table says, or else as the caller does. */
  delegatorOf(role: string, given: string | undefined): string | undefined {
    if (role === 'targets') return undefined
    const delegator = delegatorOf(this.state.layout, role) ?? given
    if (delegator === undefined) throw new TrustError('missing-role', `Nobody is known to delegate to ${role}.`)
    return delegator
  }

  /** The role's document as it will be. `undefined` for one that is not there. */
  async document(role: string, delegator: string | undefined): Promise<JsonObject | undefined> {
    const pending = this.edited.get(role)?.document ?? this.accepted.get(role)?.metadata.document
    return pending ?? (await this.stored(role, delegator))?.document
  }

  /**
   * Changes a role, which is then signed. One that is not there yet begins empty.
   * @throws TrustError `metadata-invalid` where the same role was handed in signed
   */
  async edit(role: string, given: string | undefined, change: (document: JsonObject) => JsonObject): Promise<void> {
    const delegator = this.delegatorOf(role, given)
    if (this.accepted.has(role)) {
      throw new TrustError(
        'metadata-invalid',
        `${role} was handed in signed and cannot be changed in the same publish.`,
      )
    }
    const document = (await this.document(role, delegator)) ?? emptyRole()
    this.edited.set(role, { document: change(document), delegator })
  }

  /** Whose signatures will count for `role`, after this publish. */
  async trust(role: string, delegator: string | undefined): Promise<DelegatedTrust> {
    if (delegator === undefined) return { ...topTrust(this.root.signed, 'targets'), paths: undefined }
    const trust = delegatedTrust(await this.delegations(delegator), role)
    if (trust === undefined) throw new TrustError('missing-role', `${delegator} does not delegate to ${role}.`)
    return trust
  }

  /** What `role` will hand over. */
  async delegations(role: string): Promise<Delegations | undefined> {
    const pending = this.edited.get(role)?.document ?? this.accepted.get(role)?.metadata.document
    return pending === undefined ? await this.storedDelegations(role) : this.#read(pending)
  }

  /** What `role` hands over as it is stored. */
  async storedDelegations(role: string): Promise<Delegations | undefined> {
    const known = this.state.delegators.get(role)
    if (known !== undefined) return known
    const stored = await this.stored(role, this.delegatorOf(role, undefined))
    return stored?.signed.delegations
  }

  /**
   * The stored file, verified as clients did so far: what a disk has damaged, or somebody changed, must not be signed again.
   * @throws TrustError `missing-role`, `version-mismatch`, `threshold-not-met`, or as `readMetadata`
   */
  stored(role: string, delegator: string | undefined): Promise<Metadata<Targets> | undefined> {
    const known = this.#stored.get(role)
    if (known !== undefined) return known
    const loading = this.#verified(role, delegator)
    this.#stored.set(role, loading)
    return loading
  }

  async #verified(role: string, delegator: string | undefined): Promise<Metadata<Targets> | undefined> {
    const metadata = await this.unverified(role)
    if (metadata === undefined) return undefined
    const trust =
      delegator === undefined
        ? topTrust(this.state.root.signed, 'targets')
        : delegatedTrust(await this.storedDelegations(delegator), role)
    // A role that nobody delegates to at the moment may come back: under the keys it is given then.
    verifyThreshold(role, metadata, trust ?? (await this.trust(role, delegator)))
    return metadata
  }

  /** The stored file as it is. */
  async unverified(role: string): Promise<Metadata<Targets> | undefined> {
    const entry = this.state.entries.get(role)
    if (entry === undefined) return undefined
    const bytes = await this.#load(role, entry.version)
    if (bytes === undefined) {
      throw new TrustError('missing-role', `The stored file of ${role}, version ${entry.version}, is missing.`)
    }
    const metadata = readMetadata('targets', bytes)
    if (metadata.signed.version === entry.version) return metadata
    throw new TrustError('version-mismatch', `The stored file of ${role} is not version ${entry.version}.`)
  }

  #read(document: JsonObject): Delegations | undefined {
    if (!this.#delegations.has(document)) this.#delegations.set(document, delegationsOf(document))
    return this.#delegations.get(document)
  }
}
