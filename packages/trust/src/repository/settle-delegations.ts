import { TrustError } from '../error.ts'
import type { Delegations, RoleKeys } from '../metadata.ts'
import type { RoleTrust } from '../threshold.ts'
import { signersOf } from '../threshold.ts'
import { binCount, binName } from '../succinct-bins.ts'
import { inBatches } from './in-batches.ts'
import type { Signers } from './repository-state.ts'
import { topTrust } from './repository-state.ts'
import { canSign } from './sign-role.ts'
import type { WorkingCopy } from './working-copy.ts'

/**
 * Makes every role hold under the keys that it will have: one that is not there yet is made, one whose keys changed is signed
 * again unless it stands all the same. Otherwise a client would follow a delegation to a file that is missing or that it has to
 * refuse, and give up (attacks.md DEL-3).
 * @throws TrustError where a role would not hold, and its keys are not here
 */
export async function settleDelegations(copy: WorkingCopy, signers: Signers): Promise<void> {
  const { state } = copy
  const before = topTrust(state.root.signed, 'targets')
  const targets = topTrust(copy.root.signed, 'targets')
  if (!state.entries.get('targets') || !sameKeys(before, targets)) {
    await settle(copy, 'targets', undefined, targets, signers)
  }
  // Roles that come up on the way may delegate themselves.
  const done = new Set<string>()
  for (;;) {
    const delegators = [...copy.edited.keys(), ...copy.accepted.keys()].filter((role) => !done.has(role))
    if (delegators.length === 0) return
    for (const delegator of delegators) {
      done.add(delegator)
      await settleDelegator(copy, delegator, signers)
    }
  }
}

async function settleDelegator(copy: WorkingCopy, delegator: string, signers: Signers): Promise<void> {
  const next = await copy.delegations(delegator)
  if (next === undefined) return
  const isThere = copy.state.entries.get(delegator) !== undefined
  const before = roleKeysOf(isThere ? await copy.storedDelegations(delegator) : undefined)
  await inBatches(roleKeysOf(next), async ([role, roleKeys]) => {
    const held = before.get(role)
    if (held !== undefined && sameKeys(held, roleKeys) && copy.state.entries.get(role) !== undefined) return
    await settle(copy, role, delegator, { ...roleKeys, keys: next.keys }, signers)
  })
}

/** Every role that is delegated to, with who may sign for it. */
function roleKeysOf(delegations: Delegations | undefined): ReadonlyMap<string, RoleKeys> {
  const { roles = [], succinct } = delegations ?? {}
  if (succinct === undefined) return new Map(roles.map(({ name, keyids, threshold }) => [name, { keyids, threshold }]))
  const { keyids, threshold } = succinct
  return new Map(
    Array.from({ length: binCount(succinct) }, (_, number) => [binName(succinct, number), { keyids, threshold }]),
  )
}

async function settle(
  copy: WorkingCopy,
  role: string,
  delegator: string | undefined,
  trust: RoleTrust,
  signers: Signers,
): Promise<void> {
  if (copy.edited.has(role) || copy.accepted.has(role)) return
  const stored = await copy.unverified(role)
  if (stored !== undefined && signersOf(stored, trust).length >= trust.threshold) return
  if (!canSign(trust, signers)) {
    throw stored === undefined
      ? new TrustError(
          'missing-role',
          `${role} is delegated to, but there is no file of it, and its keys are not here.`,
        )
      : new TrustError('threshold-not-met', `${role} has to be signed by its new keys, which are not here.`)
  }
  await copy.edit(role, delegator, (document) => document)
}

function sameKeys(a: RoleKeys, b: RoleKeys): boolean {
  return (
    a.threshold === b.threshold && a.keyids.length === b.keyids.length && a.keyids.every((id) => b.keyids.includes(id))
  )
}
