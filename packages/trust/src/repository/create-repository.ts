import { TrustError } from '../error.ts'
import { readMetadata } from '../read-metadata.ts'
import { verifyThreshold } from '../threshold.ts'
import { assembleMetadata } from '../write-metadata.ts'
import { checkDelegated, readSigned } from './accept-signed.ts'
import { finishPlan } from './finish-plan.ts'
import type { NamedKeys } from './initial-documents.ts'
import { initialDelegations, initialRoot } from './initial-documents.ts'
import type { Plan, RepositoryState, Signers } from './repository-state.ts'
import { topTrust } from './repository-state.ts'
import { RoleEntries } from './role-entries.ts'
import { emptyRole } from './role-document.ts'
import { layoutOf } from './role-layout.ts'
import type { RoleTable } from './role-table.ts'
import { settleDelegations } from './settle-delegations.ts'
import { signRole } from './sign-role.ts'
import { WorkingCopy } from './working-copy.ts'

export interface CreateEffects {
  /** The version of the first snapshot. */
  readonly snapshot: number
  readonly now: number
  readonly signers: Signers
  /** What was signed in a ceremony, by role; `root` too. All others are signed here. */
  readonly signed?: ReadonlyMap<string, Uint8Array>
}

/**
 * Makes a repository whole: the root, and all roles of the table, empty ones and every bin included.
 * @throws TrustError where the table cannot be, or the signers at hand are too few
 */
export async function createRepository(table: RoleTable, keys: NamedKeys, effects: CreateEffects): Promise<Plan> {
  const { now, signers, signed = new Map<string, Uint8Array>() } = effects
  const layout = layoutOf(table)
  const root = await firstRoot(signed.get('root'), initialRoot(layout, keys, now), signers)
  const state: RepositoryState = {
    layout,
    root,
    timestamp: { version: 0, expires: 0 },
    snapshot: { version: 0, expires: 0, length: 0, sha256: '' },
    entries: RoleEntries.none,
    delegators: new Map(),
  }
  const copy = new WorkingCopy(state, () => Promise.resolve(undefined))
  for (const [role, bytes] of signed) {
    if (role === 'root') continue
    const metadata = readSigned(state, { role, bytes }, 1, now)
    copy.accepted.set(role, { metadata, delegator: copy.delegatorOf(role, undefined) })
  }
  for (const role of new Set(['targets', ...layout.delegated.keys(), ...layout.succinct.keys()])) {
    if (!signed.has(role)) await copy.edit(role, undefined, () => emptyRole(initialDelegations(layout, keys, role)))
  }
  for (const [role, { metadata, delegator }] of copy.accepted) {
    checkDelegated(role, metadata, await copy.trust(role, delegator))
  }
  await settleDelegations(copy, signers)
  const plan = await finishPlan(copy, undefined, effects)
  const { version, expires } = root.signed
  return { ...plan, files: [{ role: 'root', version, expires, bytes: root.bytes }, ...plan.files] }
}

async function firstRoot(
  signed: Uint8Array | undefined,
  document: ReturnType<typeof initialRoot>,
  signers: Signers,
): Promise<RepositoryState['root']> {
  if (signed === undefined) {
    // The keys it is signed by are those that it names itself: read from an unsigned copy of it.
    const trust = topTrust(readMetadata('root', assembleMetadata(document, [])).signed, 'root')
    return readMetadata('root', await signRole('root', document, [trust], signers))
  }
  const root = readMetadata('root', signed)
  verifyThreshold('The first root', root, topTrust(root.signed, 'root'))
  if (root.signed.version !== 1) throw new TrustError('version-mismatch', 'The first root is not version 1.')
  return root
}
