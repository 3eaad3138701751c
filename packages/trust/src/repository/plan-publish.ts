import { TrustError } from '../error.ts'
import type { RepositoryState, LoadRole, Plan, Signers } from './repository-state.ts'
import { binsOf, rowOf } from './role-layout.ts'
import type { SignedRoleFile } from './accept-signed.ts'
import { acceptRoot, checkDelegated, checkDelegation, checkGiven, readSigned } from './accept-signed.ts'
import { binName, binOf } from '../succinct-bins.ts'
import { finishPlan } from './finish-plan.ts'
import { inBatches } from './in-batches.ts'
import type { NewDelegation, NewTarget } from './role-document.ts'
import { emptyRole, withDelegation, withTargets } from './role-document.ts'
import { settleDelegations } from './settle-delegations.ts'
import { WorkingCopy } from './working-copy.ts'

export interface TargetChange {
  /** The role that lists it. For a role with bins: the bin that the path belongs to. */
  readonly role: string
  /** Who delegates to the role, where the table does not say so. */
  readonly delegator?: string
  readonly path: string
  /** `undefined`: it is listed no more. */
  readonly target: NewTarget | undefined
}

export interface DelegationChange {
  readonly delegator: string
  readonly name: string
  /** `undefined`: it is delegated to no more. Its file stays listed, since clients refuse a snapshot that drops a role. */
  readonly delegation: NewDelegation | undefined
}

/** One batch. All of it comes out with one snapshot, or none. */
export interface PublishChanges {
  readonly targets?: readonly TargetChange[]
  readonly delegations?: readonly DelegationChange[]
  /** Files signed elsewhere: by developers, or in a ceremony. */
  readonly signed?: readonly SignedRoleFile[]
  /** The next root, from a ceremony. Roles whose keys it changes are signed again. */
  readonly root?: Uint8Array | undefined
  /** Roles to sign again though nothing in them changes: those of `dueRoles`. */
  readonly renew?: readonly string[]
  /**
   * Bins whose stored file is lost or damaged: they begin empty, under the next version, and hold what `targets` says of them.
   */
  readonly afresh?: readonly string[]
  /**
   * The versions to publish roles at, instead of the next ones: `timestamp`, and each role of the snapshot for which it says
   * something, which is then signed again. Higher after a backup was restored; lower only together with a root that replaces
   * every key of snapshot and timestamp (fast-forward attacks, specification 5.3.11).
   */
  readonly renumber?: (role: string, version: number) => number | undefined
}

export interface PublishEffects {
  /** The version of the new snapshot: higher than the current one, and never used before. */
  readonly snapshot: number
  /** Milliseconds since 1970. */
  readonly now: number
  readonly signers: Signers
  readonly load: LoadRole
}

/**
 * Works out what a batch of changes brings out. Nothing is stored and `state` does not change: whoever brings the files out, in
 * their order or in one transaction, goes on with the plan's state. Costs as much as the roles that change, and one snapshot.
 * @throws TrustError where a change is refused, a stored file is damaged, or a key is missing
 */
export async function planPublish(
  state: RepositoryState,
  changes: PublishChanges,
  effects: PublishEffects,
): Promise<Plan> {
  const copy = new WorkingCopy(state, effects.load)
  if (changes.root !== undefined) copy.root = acceptRoot(state.root, changes.root, effects.now)
  for (const file of changes.signed ?? []) await acceptFile(copy, file, changes, effects.now)
  for (const change of changes.delegations ?? []) await changeDelegation(copy, change)
  for (const role of changes.afresh ?? []) beginAfresh(copy, role)
  await changeTargets(copy, changes.targets ?? [])
  await inBatches(changes.renew ?? [], (role) => copy.edit(role, undefined, (document) => document))
  if (changes.renumber !== undefined) await editRenumbered(copy, changes.renumber)
  for (const [role, { metadata, delegator }] of copy.accepted) {
    checkDelegated(role, metadata, await copy.trust(role, delegator))
  }
  await settleDelegations(copy, effects.signers)
  return await finishPlan(copy, changes.renumber, effects)
}

async function acceptFile(
  copy: WorkingCopy,
  file: SignedRoleFile,
  { renumber }: PublishChanges,
  now: number,
): Promise<void> {
  const { role } = file
  if (copy.accepted.has(role)) throw new TrustError('metadata-invalid', `${role} was handed in twice.`)
  const delegator = copy.delegatorOf(role, file.delegator)
  const current = copy.state.entries.get(role)?.version ?? 0
  // Out already: the rest of what was handed in with it may not be, where a publish was cut short before its root.
  const stored = await copy.unverified(role)
  if (stored !== undefined && Buffer.compare(stored.bytes, file.bytes) === 0) return
  const version = renumber?.(role, current) ?? current + 1
  copy.accepted.set(role, { metadata: readSigned(copy.state, file, version, now), delegator })
}

/** Makes one change of who delegates to whom. @throws TrustError `metadata-invalid` */
export async function changeDelegation(
  copy: WorkingCopy,
  { delegator, name, delegation }: DelegationChange,
): Promise<void> {
  const { layout } = copy.state
  if (delegator !== 'targets' && rowOf(layout, delegator) === undefined) {
    throw new TrustError('metadata-invalid', `${delegator} stands outside the table and delegates to nobody.`)
  }
  if (delegation !== undefined) checkDelegation(copy.state, delegator, name, delegation.paths)
  await copy.edit(delegator, undefined, (document) => withDelegation(document, name, delegation))
}

/** Only for bins: what else a role holds, its delegations above all, nobody could put back. */
function beginAfresh(copy: WorkingCopy, role: string): void {
  if (binsOf(copy.state.layout, role) === undefined) {
    throw new TrustError('metadata-invalid', `${role} is no bin, and cannot begin afresh.`)
  }
  copy.edited.set(role, { document: emptyRole(), delegator: copy.delegatorOf(role, undefined) })
}

/** Makes changes of what roles list. @throws TrustError `metadata-invalid` or `json-invalid` */
export async function changeTargets(copy: WorkingCopy, changes: readonly TargetChange[]): Promise<void> {
  const byRole = new Map<string, { delegator: string | undefined; paths: Map<string, NewTarget | undefined> }>()
  for (const { role: named, delegator, path, target } of changes) {
    if (binsOf(copy.state.layout, named) !== undefined) {
      throw new TrustError('metadata-invalid', `${named} is chosen by the path alone: name its delegator instead.`)
    }
    const row = copy.state.layout.succinct.get(named)
    if (row !== undefined) checkGiven(named, [path], copy.state.layout.named.get(named)?.paths)
    const role = row === undefined ? named : binName(row.bins, binOf(row.bins, path))
    const known = byRole.get(role) ?? { delegator: copy.delegatorOf(role, delegator), paths: new Map() }
    known.paths.set(path, target)
    byRole.set(role, known)
  }
  await inBatches(byRole, async ([role, { delegator, paths }]) => {
    checkGiven(role, paths.keys(), (await copy.trust(role, delegator)).paths)
    await copy.edit(role, delegator, (document) => withTargets(document, paths))
  })
}

async function editRenumbered(copy: WorkingCopy, renumber: NonNullable<PublishChanges['renumber']>): Promise<void> {
  const roles = [...copy.state.entries].filter(
    ({ role, version }) => renumber(role, version) !== undefined && !copy.accepted.has(role),
  )
  for (const { role, version } of roles) {
    if (rowOf(copy.state.layout, role) !== undefined || copy.edited.has(role)) continue
    throw new TrustError('rollback', `${role} has to be handed in signed, as version ${renumber(role, version)}.`)
  }
  await inBatches(roles, ({ role }) =>
    copy.edited.has(role) ? Promise.resolve() : copy.edit(role, undefined, (document) => document),
  )
}
