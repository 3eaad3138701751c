import { hash } from 'node:crypto'
import { nextRoot, trustedRoot } from '../client/root.ts'
import { TrustError } from '../error.ts'
import type { Delegations, Metadata, Root, Snapshot, Timestamp } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { signersOf, verifyThreshold } from '../threshold.ts'
import { inBatches } from './in-batches.ts'
import type { LoadRole, RepositoryState } from './repository-state.ts'
import { topTrust } from './repository-state.ts'
import type { RoleEntry } from './role-entries.ts'
import { RoleEntries } from './role-entries.ts'
import { binsOf, layoutOf } from './role-layout.ts'
import type { RoleLayout } from './role-layout.ts'
import { checkRoleName } from './role-name.ts'
import type { RoleTable } from './role-table.ts'
import { WorkingCopy } from './working-copy.ts'

/** Where the files of a repository are. */
export interface StoredRepository {
  /** Roots too: all of them are kept. */
  readonly load: LoadRole
  readonly timestamp: () => Promise<Uint8Array | undefined>
  /**
   * When the files of these versions expire, by role, where that is known without reading them: 16,384 bins are 170 MB. What
   * it does not know is read from the files.
   */
  readonly expiries?: () => Promise<ReadonlyMap<string, { readonly version: number; readonly expires: number }>>
}

export interface OpenedRepository {
  readonly state: RepositoryState
  /** A root that came out without the timestamp that belongs to it: publish it again with the changes that came with it. */
  readonly unfinishedRoot: Uint8Array | undefined
}

/**
 * Makes the state of a repository from its stored files.
 * @throws TrustError `missing-role`, or where a file is damaged or not signed by those who should
 */
export async function openRepository(table: RoleTable, stored: StoredRepository): Promise<OpenedRepository> {
  const layout = layoutOf(table)
  const bytes = await stored.timestamp()
  if (bytes === undefined) throw missing('timestamp.json')
  const timestamp = readMetadata('timestamp', bytes)
  const { root, unfinishedRoot } = await rootOf(stored.load, timestamp)
  const { version, length, hashes } = timestamp.signed.snapshot
  const snapshotBytes = await stored.load('snapshot', version)
  if (snapshotBytes === undefined) throw missing(`${version}.snapshot.json`)
  const sha256 = hash('sha256', snapshotBytes)
  if ((length ?? snapshotBytes.length) !== snapshotBytes.length || (hashes?.get('sha256') ?? sha256) !== sha256) {
    throw new TrustError('hash-mismatch', `The stored snapshot ${version} is not the one that the timestamp names.`)
  }
  const snapshot = readMetadata('snapshot', snapshotBytes)
  verifyThreshold('The stored snapshot', snapshot, topTrust(root.signed, 'snapshot'))
  const state: RepositoryState = {
    layout,
    root,
    timestamp: { version: timestamp.signed.version, expires: timestamp.signed.expires },
    snapshot: { version, expires: snapshot.signed.expires, length: snapshotBytes.length, sha256 },
    entries: RoleEntries.none.with(await readEntries(layout, snapshot, stored)),
    delegators: new Map(),
  }
  return { state: { ...state, delegators: await readDelegators(state, stored.load) }, unfinishedRoot }
}

/** From the first root on, each as clients take it. */
async function rootOf(
  load: LoadRole,
  timestamp: Metadata<Timestamp>,
): Promise<{ readonly root: Metadata<Root>; readonly unfinishedRoot: Uint8Array | undefined }> {
  let holding: Metadata<Root> | undefined
  let newest: Metadata<Root> | undefined
  for (let version = 1; ; version += 1) {
    const bytes = await load('root', version)
    if (bytes === undefined) break
    newest = newest === undefined ? trustedRoot(bytes) : nextRoot(newest, bytes)
    if (newest.signed.version !== version) throw new TrustError('version-mismatch', 'The first root is not version 1.')
    const trust = topTrust(newest.signed, 'timestamp')
    if (signersOf(timestamp, trust).length >= trust.threshold) holding = newest
  }
  if (newest === undefined) throw missing('1.root.json')
  if (holding === undefined)
    throw new TrustError('threshold-not-met', 'No stored root knows the keys of the timestamp.')
  return { root: holding, unfinishedRoot: holding === newest ? undefined : newest.bytes }
}

async function readEntries(
  layout: RoleLayout,
  snapshot: Metadata<Snapshot>,
  stored: StoredRepository,
): Promise<readonly RoleEntry[]> {
  const known = await stored.expiries?.()
  return await inBatches(snapshot.signed.meta, async ([role, { version, length, hashes }]) => {
    if (role !== 'targets') checkRoleName(role)
    const sha256 = hashes?.get('sha256')
    const file = length === undefined || sha256 === undefined ? undefined : { length, sha256 }
    const given = known?.get(role)
    if (given?.version === version) return { role, version, expires: given.expires, file }
    const bytes = await stored.load(role, version)
    // A bin that is lost keeps nobody from going on: all that belongs into it is known elsewhere. It counts as ended.
    if (bytes === undefined && binsOf(layout, role) !== undefined) return { role, version, expires: 0, file }
    if (bytes === undefined) throw missing(`${version}.${role}.json`)
    return { role, version, expires: readMetadata('targets', bytes).signed.expires, file }
  })
}

async function readDelegators(state: RepositoryState, load: LoadRole): Promise<ReadonlyMap<string, Delegations>> {
  const { layout } = state
  const copy = new WorkingCopy(state, load)
  const delegators = new Map<string, Delegations>()
  for (const role of new Set(['targets', ...layout.delegated.keys(), ...layout.succinct.keys()])) {
    const delegations = await copy.storedDelegations(role)
    if (delegations !== undefined) delegators.set(role, delegations)
  }
  return delegators
}

function missing(file: string): TrustError {
  return new TrustError('missing-role', `The stored file ${file} is missing.`)
}
