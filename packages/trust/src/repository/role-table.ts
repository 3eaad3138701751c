import type { TopLevelRole } from '../metadata.ts'
import type { SuccinctBins } from '../succinct-bins.ts'

/** Who signs a role and for how long, as data: a repository is created whole from a table of these (design.md section 7). */
export interface RoleRow {
  /** Names of the keys that may sign for it. */
  readonly keys: readonly string[]
  /** How many of them must. */
  readonly threshold: number
  /** How long a signature holds at most, in milliseconds. */
  readonly life: number
  /** When it is signed again, in milliseconds after it was signed; below `life`. */
  readonly renewAfter: number
  /** Whether a running server holds the keys, and so renews it by itself. */
  readonly online: boolean
}

/** A role that another delegates to by name. */
export interface NamedRow extends RoleRow {
  readonly name: string
  /** `targets`, or the name of a row above. */
  readonly delegator: string
  /** Literal segments and whole-segment `*`, within what the delegator was given. */
  readonly paths: readonly string[]
  readonly terminating: boolean
}

/** All bins of one delegator (TAP 15). */
export interface SuccinctRow extends RoleRow {
  readonly delegator: string
  readonly bins: SuccinctBins
}

export interface RoleTable {
  readonly top: Readonly<Record<TopLevelRole, RoleRow>>
  /** In order of priority within each delegator. */
  readonly named: readonly NamedRow[]
  readonly succinct: readonly SuccinctRow[]
  /** Roles that are delegated later, with keys that others hold. */
  readonly later: Pick<RoleRow, 'life' | 'renewAfter'> & {
    /** Whether snapshot lists length and sha256 of their files too: then a stolen developer key alone changes nothing unseen. */
    readonly hashes: boolean
  }
}
