import type { JsonObject } from '../json.ts'
import type { Root, TopLevelRole } from '../metadata.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import type { NamedKeys } from '../repository/initial-documents.ts'
import { initialRole, initialRoot, offlineRoles, rootDocument } from '../repository/initial-documents.ts'
import type { DelegationChange, TargetChange } from '../repository/plan-publish.ts'
import { changeDelegation, changeTargets } from '../repository/plan-publish.ts'
import { expiryOf } from '../repository/renewals.ts'
import type { LoadRole, RepositoryState } from '../repository/repository-state.ts'
import { topTrust } from '../repository/repository-state.ts'
import type { KeySet } from '../repository/role-document.ts'
import { dated, withKeySet } from '../repository/role-document.ts'
import { delegatorOf, layoutOf, rowOf } from '../repository/role-layout.ts'
import type { RoleTable } from '../repository/role-table.ts'
import { WorkingCopy } from '../repository/working-copy.ts'
import { signersOf } from '../threshold.ts'
import { assembleMetadata } from '../write-metadata.ts'
import { invalid } from './ceremony-invalid.ts'
import type { CeremonyRequest, RequestFile } from './ceremony-request.ts'
import { writeRequest } from './ceremony-request.ts'
import type { KeyReplacements } from './key-sets.ts'
import { keySetsAfter } from './key-sets.ts'

/** What a ceremony is to change. */
export interface CeremonyChanges {
  /** Keys by id, wherever the root and the roles of the table list them; in their place another, or `undefined`: none. */
  readonly replaceKeys?: KeyReplacements
  /**
   * The keys and thresholds of roles: top-level ones, named ones, and bins by their prefix. They win over `replaceKeys`.
   */
  readonly keySets?: ReadonlyMap<string, KeySet>
  /** Roles to be signed anew, `root` too. */
  readonly renew?: readonly string[]
  readonly targets?: readonly TargetChange[]
  /** What stands in those targets, and in the ones that they replace: texts, for the holders to be shown. */
  readonly contents?: readonly Uint8Array[]
  readonly delegations?: readonly DelegationChange[]
  /** Versions to give roles other than the next: after a restored backup (`raiseVersions`). */
  readonly versions?: ReadonlyMap<string, number>
}

export interface DraftEffects {
  /** Milliseconds since 1970: from then on lives are counted. */
  readonly now: number
  readonly load: LoadRole
}

/** The ceremony with which a repository begins: its root, and all roles that no server signs. */
export function draftFirstCeremony(table: RoleTable, keys: NamedKeys, now: number): CeremonyRequest {
  const layout = layoutOf(table)
  const roles = offlineRoles(layout).map((role) => ({
    role,
    delegator: delegatorOf(layout, role),
    document: initialRole(layout, keys, role, now),
  }))
  const root = { role: 'root', delegator: undefined, document: initialRoot(layout, keys, now) }
  return writeRequest({ root: undefined, current: [], documents: [root, ...roles] })
}

/**
 * Makes the documents of a ceremony. Roles that would hold no longer under their new keys are among them, unless a server signs
 * those again by itself.
 * @throws TrustError `ceremony-invalid` where nothing would change, `metadata-invalid` where a threshold could not be met
 */
export async function draftCeremony(
  state: RepositoryState,
  changes: CeremonyChanges,
  { now, load }: DraftEffects,
): Promise<CeremonyRequest> {
  const copy = new WorkingCopy(state, load)
  const keySets = keySetsAfter(state, changes.replaceKeys ?? new Map(), changes.keySets ?? new Map())
  const root = nextRoot(state, keySets, changes.renew?.includes('root') === true, now)
  if (root !== undefined) copy.root = readMetadata('root', assembleMetadata(root, []))
  for (const [role, { delegator, keySet }] of keySets.delegated) {
    await copy.edit(delegator, undefined, (document) => withKeySet(document, role, keySet))
  }
  for (const change of changes.delegations ?? []) await changeDelegation(copy, change)
  await changeTargets(copy, changes.targets ?? [])
  const renewed = [...(changes.renew ?? []), ...(changes.versions?.keys() ?? [])].filter((role) => role !== 'root')
  for (const role of [...renewed, ...(await fallenRoles(copy, keySets.delegated))]) {
    if (!copy.edited.has(role)) await copy.edit(role, undefined, (document) => document)
  }
  const documents = inTableOrder(state, [...copy.edited.keys()]).map((role) => {
    const version = changes.versions?.get(role) ?? (state.entries.get(role)?.version ?? 0) + 1
    const { document = new Map(), delegator } = copy.edited.get(role) ?? {}
    return { role, delegator, document: dated(document, version, expiryOf(state.layout, role, now)) }
  })
  if (root === undefined && documents.length === 0) throw invalid('nothing would change')
  // Who signs as a holder from now on must not be on the server, which those roles tell that say who signs for it.
  const telling = keySets.top.has('root') || keySets.top.has('targets') ? [...state.delegators.keys()] : []
  return writeRequest({
    root: state.root.bytes,
    current: await currentFiles(copy, [...documents.map(({ role }) => role), ...telling]),
    documents: [...(root === undefined ? [] : [{ role: 'root', delegator: undefined, document: root }]), ...documents],
    contents: changes.contents,
  })
}

function nextRoot(
  state: RepositoryState,
  { top }: ReturnType<typeof keySetsAfter>,
  renew: boolean,
  now: number,
): JsonObject | undefined {
  if (top.size === 0 && !renew) return undefined
  const current = state.root.signed
  const keySet = (role: TopLevelRole): KeySet => top.get(role) ?? keySetOf(current, role)
  const [root, timestamp, snapshot, targets] = TOP_LEVEL_ROLES.map((role) => keySet(role)) as [
    KeySet,
    KeySet,
    KeySet,
    KeySet,
  ]
  return rootDocument(current.version + 1, expiryOf(state.layout, 'root', now), { root, timestamp, snapshot, targets })
}

function keySetOf(root: Root, role: TopLevelRole): KeySet {
  const { keys, keyids, threshold } = topTrust(root, role)
  return { keys: keyids.flatMap((keyid) => keys.get(keyid) ?? []), threshold }
}

/** Offline roles whose stored file too few of their new keys have signed. */
async function fallenRoles(
  copy: WorkingCopy,
  delegated: ReturnType<typeof keySetsAfter>['delegated'],
): Promise<readonly string[]> {
  const { state, root } = copy
  const roles = [...delegated.keys()].filter((role) => rowOf(state.layout, role)?.online === false)
  const fallen: string[] = []
  for (const role of root === state.root ? roles : ['targets', ...roles]) {
    const stored = await copy.unverified(role)
    const trust = await copy.trust(role, delegatorOf(state.layout, role))
    if (stored === undefined || signersOf(stored, trust).length < trust.threshold) fallen.push(role)
  }
  return fallen
}

function inTableOrder({ layout }: RepositoryState, roles: readonly string[]): readonly string[] {
  const order = ['targets', ...layout.named.keys()]
  const known = order.filter((role) => roles.includes(role))
  return [...known, ...roles.filter((role) => !known.includes(role))]
}

/** The stored files of these roles and of all that delegate to them, delegators first. */
async function currentFiles(copy: WorkingCopy, roles: readonly string[]): Promise<readonly RequestFile[]> {
  const { layout } = copy.state
  const files = new Map<string, RequestFile>()
  const add = async (role: string): Promise<void> => {
    if (files.has(role)) return
    const delegator = copy.edited.get(role)?.delegator ?? delegatorOf(layout, role)
    if (delegator !== undefined) await add(delegator)
    const stored = await copy.stored(role, delegator)
    if (stored !== undefined) files.set(role, { role, delegator, bytes: stored.bytes })
  }
  for (const role of roles) await add(role)
  return [...files.values()]
}
