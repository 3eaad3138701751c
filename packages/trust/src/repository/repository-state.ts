import { TrustError } from '../error.ts'
import type { Signer } from '../signer.ts'
import type { Delegations, Metadata, Root } from '../metadata.ts'
import type { RoleTrust } from '../threshold.ts'
import { isBinName } from '../succinct-bins.ts'
import type { RoleEntries } from './role-entries.ts'
import type { RoleLayout } from './role-layout.ts'

/**
 * What must be known of a repository to write to it. Immutable: a publish gives the next one, and whoever cannot bring that out
 * keeps this one. It can be made again from the stored files alone (`openRepository`).
 */
export interface RepositoryState {
  readonly layout: RoleLayout
  readonly root: Metadata<Root>
  readonly timestamp: Dated
  readonly snapshot: Dated & { readonly length: number; readonly sha256: string }
  /** All roles that snapshot lists. */
  readonly entries: RoleEntries
  /** What the roles of the table that delegate hand over: loaded once, since every signature below them needs it. */
  readonly delegators: ReadonlyMap<string, Delegations>
}

export interface Dated {
  /** 0: there is none yet. */
  readonly version: number
  readonly expires: number
}

/** A file to be stored. `V.role.json` never changes once it is out; `timestamp.json` is replaced. */
export interface PlannedFile {
  readonly role: string
  readonly version: number
  readonly expires: number
  readonly bytes: Uint8Array
}

/** What a publish brings out. */
export interface Plan {
  /** In the order in which they must become visible. */
  readonly files: readonly PlannedFile[]
  /** Once all of them are. */
  readonly state: RepositoryState
}

/** The signers at hand, by key id. */
export type Signers = ReadonlyMap<string, Signer>

/** Gives the stored file of a role in this version. */
export type LoadRole = (role: string, version: number) => Promise<Uint8Array | undefined>

/** The name of a role's file. */
export function metadataFileName({ role, version }: Pick<PlannedFile, 'role' | 'version'>): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`
}

export function signersById(signers: Iterable<Signer>): Signers {
  return new Map(Array.from(signers, (signer) => [signer.key.keyid, signer]))
}

/** Whose signatures count for a top-level role. */
export function topTrust(root: Root, role: 'root' | 'timestamp' | 'snapshot' | 'targets'): RoleTrust {
  const roleKeys = root.roles.get(role)
  if (roleKeys === undefined) throw new TrustError('missing-role', `The root says nothing of ${role}.`)
  return { ...roleKeys, keys: root.keys }
}

/** Whose signatures count for a role that is delegated to, and the patterns it was given; `undefined` where it is not. */
export function delegatedTrust(
  delegations: Delegations | undefined,
  role: string,
): (RoleTrust & { readonly paths: readonly string[] | undefined }) | undefined {
  if (delegations === undefined) return undefined
  const { keys, roles, succinct } = delegations
  if (succinct !== undefined) {
    return isBinName(succinct, role) ? { ...pick(succinct), keys, paths: undefined } : undefined
  }
  const delegation = roles.find(({ name }) => name === role)
  return delegation && { ...pick(delegation), keys, paths: delegation.paths }
}

function pick({ keyids, threshold }: Pick<RoleTrust, 'keyids' | 'threshold'>): Pick<RoleTrust, 'keyids' | 'threshold'> {
  return { keyids, threshold }
}
