import type { SimpleNamespace } from '@waxseal/packaging'
import type { Kysely } from 'kysely'
import type { Database, ProjectRow } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import { claimOf } from './claim-of.ts'
import type { DecisionBody } from './decisions.ts'
import { namespaceSubject } from './granting.ts'
import type { Namespace } from './namespaces.ts'
import { levelsOf } from './namespaces.ts'
import { LOCAL_SOURCE } from './local-source.ts'

/**
 * What the page of a project says of namespaces (PEP 752): each public one that covers it; null once the last of them has ended; undefined
 * where there never was one. Private ones are told to nobody here: a signed page is one body for all who ask.
 */
export async function pageNamespaces(
  db: Kysely<Database>,
  project: ProjectRow,
  { namespaces }: Pick<NamesConfig, 'namespaces'>,
): Promise<readonly SimpleNamespace[] | null | undefined> {
  const over = namespaces.allCovering(project.name).filter(isPublic)
  if (over.length === 0) return (await wasTold(db, project.name)) ? null : undefined
  const isOwned = await ownership(db, project)
  return over.map((namespace) => ({ name: namespace.name, owned: isOwned(namespace) }))
}

/** Of a name under a namespace that nobody has registered: nobody but the owner may. */
export function absentNamespaces(
  name: string,
  { namespaces }: Pick<NamesConfig, 'namespaces'>,
): readonly SimpleNamespace[] {
  const over = namespaces.allCovering(name).filter(isPublic)
  return over.map((namespace) => ({ name: namespace.name, owned: true }))
}

export function isPublic({ visibility }: Pick<Namespace, 'visibility'>): boolean {
  return visibility === 'public'
}

/** Whether a project is of the owner of a namespace; not so of those that others had before it was granted (PEP 752). */
async function ownership(db: Kysely<Database>, project: ProjectRow): Promise<(namespace: Namespace) => boolean> {
  const { authority, merge } = claimedName(project)
  // What an upstream has under it is closed: there is no project of anybody.
  if (authority === 'unclaimed' || authority === 'upstream') return () => true
  if (authority === 'merged' && merge?.owner !== LOCAL_SOURCE) return () => false
  const claim = await claimOf(db, project.name)
  return ({ owner, since }) => claim !== undefined && (claim.at >= since || claim.actor === owner)
}

async function wasTold(db: Kysely<Database>, name: string): Promise<boolean> {
  const subjects = levelsOf(name).map(namespaceSubject)
  const decided = await db.selectFrom('decision').select('body').where('project', 'in', subjects).execute()
  return decided.some(({ body }) => {
    const decision = JSON.parse(body) as DecisionBody
    return 'visibility' in decision && isPublic(decision)
  })
}
