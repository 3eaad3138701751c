import type { Kysely } from 'kysely'
import { mayClaimUnder } from '../names/may-claim-under.ts'
import type { Claimant } from '../names/may-claim-under.ts'
import { OPERATOR_OWNER } from '../names/namespaces.ts'
import type { Namespace, Namespaces } from '../names/namespaces.ts'
import { isPublic } from '../names/page-namespaces.ts'
import type { Database } from '../store/schema.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** Projects whose pages would stand where the Simple API has its endpoints, but for a slash (PEP 752). */
const ENDPOINT_NAMES: ReadonlySet<string> = new Set(['namespace', 'namespaces'])

/** Why nobody may claim `project` anew, whoever it is: a name that means something else to clients. */
export function checkClaimable(project: string): Refusal | undefined {
  if (!ENDPOINT_NAMES.has(project)) return undefined
  return refuse(
    'name-prohibited',
    `The name '${project}' is an address of the Simple API itself (PEP 752), and no project can be called so. Choose another one.`,
  )
}

/**
 * Why an upload may not create `project`: names under a granted namespace are its owner's (PEP 752: 409 Conflict; attacks.md NAME-NS). What
 * the configuration alone sets apart has no owner, and is for whoever may upload.
 */
export async function checkNewName(
  db: Kysely<Database>,
  project: string,
  namespaces: Namespaces,
  claimant: Claimant,
): Promise<Refusal | undefined> {
  const refusal = checkClaimable(project)
  if (refusal !== undefined) return refusal
  const namespace = namespaces.grantedOver(project)
  if (namespace === undefined || (await mayClaimUnder(db, namespace, claimant))) return undefined
  const owner = toldOwner(namespace)
  return refuse(
    'name-namespace',
    `The name '${project}' is in the namespace '${namespace.name}', which is granted to ${owner ?? 'somebody else'}. Choose a name outside of it, or ask ${owner ?? 'an administrator of this index'}.`,
  )
}

/** Whose a private one is, is not told. */
function toldOwner(namespace: Namespace): string | undefined {
  const { owner } = namespace
  if (!isPublic(namespace)) return undefined
  if (owner === OPERATOR_OWNER) return 'the administrators of this index'
  return owner.startsWith('team:') ? `the team ${owner.slice('team:'.length)}` : owner
}
