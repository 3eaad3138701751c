import { TrustError } from '../error.ts'
import { MAX_CLOCK_LEAD, MAX_SIGNED_FILE } from '../limits.ts'
import type { Delegations, Metadata, Root, Targets } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { checkWritablePath, matchesPattern } from '../target-path.ts'
import { verifyThreshold } from '../threshold.ts'
import type { RepositoryState } from './repository-state.ts'
import { topTrust } from './repository-state.ts'
import { checkPatterns, delegatorOf, rowOf } from './role-layout.ts'
import { checkRoleName } from './role-name.ts'
import type { DelegatedTrust } from './working-copy.ts'

/** A role file that was signed elsewhere: by developers, or in a ceremony. */
export interface SignedRoleFile {
  readonly role: string
  /** Who delegates to it, where the table does not say so. */
  readonly delegator?: string
  readonly bytes: Uint8Array
}

/**
 * Reads the next root and checks it as every client will (specification 5.3.4, 5.3.5): signed by the thresholds of the old and
 * of the new keys, the version exactly one higher.
 * @throws TrustError
 */
export function acceptRoot(previous: Metadata<Root>, bytes: Uint8Array, now: number): Metadata<Root> {
  const root = readMetadata('root', bytes)
  verifyThreshold('The new root, by the keys of the old one,', root, topTrust(previous.signed, 'root'))
  verifyThreshold('The new root, by its own keys,', root, topTrust(root.signed, 'root'))
  checkVersion('root', root.signed.version, previous.signed.version + 1)
  if (!root.signed.consistentSnapshot) throw refused('root', 'it does not say that snapshots are consistent')
  if (root.signed.expires <= now) throw new TrustError('expired', 'The new root has expired already.')
  return root
}

/**
 * Reads a role file signed elsewhere, and checks all that does not depend on who delegates to it: that is `checkDelegated`.
 * @throws TrustError
 */
export function readSigned(
  state: RepositoryState,
  { role, bytes }: SignedRoleFile,
  version: number,
  now: number,
): Metadata<Targets> {
  if (bytes.length > MAX_SIGNED_FILE) throw new TrustError('limit-exceeded', `The file of ${role} is too large.`)
  if (role !== 'targets') checkRoleName(role)
  const metadata = readMetadata('targets', bytes)
  const { signed } = metadata
  checkVersion(role, signed.version, version)
  if (signed.expires <= now) throw new TrustError('expired', `The file of ${role} has expired already.`)
  const row = rowOf(state.layout, role)
  // Else it would outlive every check of who still stands behind it.
  if (signed.expires > now + (row ?? state.layout.table.later).life + MAX_CLOCK_LEAD) {
    throw refused(role, 'it holds longer than it may')
  }
  for (const path of signed.targets.keys()) checkWritablePath(path, 'target')
  if (signed.delegations !== undefined) {
    // Visited roles are limited for every client (attacks.md DEL-1): whoever holds a key of their own has no use for more.
    if (row === undefined) throw refused(role, 'a role outside the table delegates to nobody')
    checkDelegations(state, role, signed.delegations)
  }
  return metadata
}

/**
 * Checks a role file against its delegator: enough of the keys, and nothing listed that it was not given, which no client
 * would find (attacks.md DEL-4).
 * @throws TrustError `threshold-not-met` or `metadata-invalid`
 */
export function checkDelegated(role: string, metadata: Metadata<Targets>, trust: DelegatedTrust): void {
  verifyThreshold(role, metadata, trust)
  checkGiven(role, metadata.signed.targets.keys(), trust.paths)
}

/** Checks that `paths` are among those that a role was given. @throws TrustError `metadata-invalid` */
export function checkGiven(role: string, paths: Iterable<string>, given: readonly string[] | undefined): void {
  if (given === undefined) return
  for (const path of paths) {
    if (!given.some((pattern) => matchesPattern(pattern, path))) throw refused(role, `it was not given ${path}`)
  }
}

/** Checks that a role delegates to roles that are its own, and only what it was given. @throws TrustError `metadata-invalid` */
export function checkDelegations(state: RepositoryState, role: string, delegations: Delegations): void {
  for (const { name, paths, pathHashPrefixes } of delegations.roles) {
    if (pathHashPrefixes !== undefined) throw refused(role, `${name} is delegated by hash prefixes`)
    checkDelegation(state, role, name, paths ?? [])
  }
  const row = state.layout.succinct.get(role)
  if (delegations.succinct === undefined) return
  const { bitLength, namePrefix } = delegations.succinct
  if (row?.bins.bitLength !== bitLength || row.bins.namePrefix !== namePrefix) {
    throw refused(role, 'its bins are not those of the table')
  }
}

/** Checks one delegation that `delegator` is about to make. @throws TrustError `metadata-invalid` */
export function checkDelegation(
  state: RepositoryState,
  delegator: string,
  name: string,
  paths: readonly string[],
): void {
  checkRoleName(name)
  const owner = delegatorOf(state.layout, name)
  if (owner !== undefined && owner !== delegator) throw refused(delegator, `${name} belongs to ${owner}`)
  checkPatterns(name, paths, state.layout.named.get(delegator)?.paths)
}

function checkVersion(role: string, given: number, wanted: number): void {
  if (given === wanted) return
  throw new TrustError('version-mismatch', `The file of ${role} is version ${given}; it has to be version ${wanted}.`)
}

function refused(role: string, reason: string): TrustError {
  return new TrustError('metadata-invalid', `The file of ${role} is refused: ${reason}.`)
}
