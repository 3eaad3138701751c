import type { JsonObject } from './json.ts'
import type { PublicKey } from './public-key.ts'
import type { SuccinctBins } from './succinct-bins.ts'

/** The documents of TUF 1.0 (specification section 4), as data. Maps keep the order of the document; names are never keys of objects. */

export const TOP_LEVEL_ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const
export type TopLevelRole = (typeof TOP_LEVEL_ROLES)[number]

/** What all roles have. */
export interface SignedCommon {
  /** A whole number from 1. */
  readonly version: number
  readonly specVersion: string
  /** Milliseconds since 1970: from this moment on it is expired. */
  readonly expires: number
}

/** The keys that may sign for a role, and how many different ones must. */
export interface RoleKeys {
  readonly keyids: readonly string[]
  readonly threshold: number
}

export interface Root extends SignedCommon {
  readonly type: 'root'
  readonly consistentSnapshot: boolean
  /** By key id; keys that cannot count are left out. */
  readonly keys: ReadonlyMap<string, PublicKey>
  readonly roles: ReadonlyMap<TopLevelRole, RoleKeys>
}

/** What one role says of another's file. */
export interface MetaFile {
  readonly version: number
  readonly length: number | undefined
  /** By algorithm, lower-case hexadecimal. */
  readonly hashes: ReadonlyMap<string, string> | undefined
}

export interface Timestamp extends SignedCommon {
  readonly type: 'timestamp'
  readonly snapshot: MetaFile
  /** Of Waxseal (design.md section 7): when it was signed, in milliseconds since 1970; clients never take time to be earlier. */
  readonly issued: number | undefined
}

export interface Snapshot extends SignedCommon {
  readonly type: 'snapshot'
  /** By role name, without `.json`. */
  readonly meta: ReadonlyMap<string, MetaFile>
}

export interface TargetFile {
  /** In bytes. */
  readonly length: number
  /** By algorithm, lower-case hexadecimal; `sha256` at least where we wrote it. */
  readonly hashes: ReadonlyMap<string, string>
  readonly custom: JsonObject | undefined
}

/** A role that another hands paths over to. Either `paths` or `pathHashPrefixes` is there. */
export interface Delegation extends RoleKeys {
  readonly name: string
  /** What it covers and does not list is nobody's: no later role is asked. */
  readonly terminating: boolean
  readonly paths: readonly string[] | undefined
  readonly pathHashPrefixes: readonly string[] | undefined
}

export interface Delegations {
  readonly keys: ReadonlyMap<string, PublicKey>
  /** In order of priority. Empty where `succinct` is there. */
  readonly roles: readonly Delegation[]
  readonly succinct: (SuccinctBins & RoleKeys) | undefined
}

export interface Targets extends SignedCommon {
  readonly type: 'targets'
  readonly targets: ReadonlyMap<string, TargetFile>
  readonly delegations: Delegations | undefined
}

export type Signed = Root | Timestamp | Snapshot | Targets
export type SignedOf<T extends TopLevelRole> = Extract<Signed, { readonly type: T }>

export interface Signature {
  readonly keyid: string
  readonly signature: Uint8Array
}

/** A document as it was received: what it says, what was signed, and the bytes themselves. */
export interface Metadata<T extends Signed = Signed> {
  readonly signed: T
  /** Also what the types above do not name. */
  readonly document: JsonObject
  readonly signatures: readonly Signature[]
  /** What the signatures are over: the canonical form of `signed`. */
  readonly signedBytes: Uint8Array
  readonly bytes: Uint8Array
}
