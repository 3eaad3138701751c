import type { SimpleNamespace } from '@waxseal/packaging'
import type { Kysely } from 'kysely'
import type { Database, ProjectRow } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import { isOurs } from './claimed-name.ts'
import { claimOf } from './claim-of.ts'
import type { DecisionBody } from './decisions.ts'
import { namespaceSubject } from './granting.ts'
import type { Namespace } from './namespaces.ts'
import { levelsOf } from './namespaces.ts'
import { oneOfThemOwns, ownsProject } from './owns-project.ts'

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
  const told: SimpleNamespace[] = []
  for (const namespace of over) told.push({ name: namespace.name, owned: await isOwned(db, project, namespace) })
  return told
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
async function isOwned(db: Kysely<Database>, project: ProjectRow, { owner, since }: Namespace): Promise<boolean> {
  // What an upstream has under it is closed: there is no project of anybody.
  if (project.authority === 'unclaimed' || project.authority === 'upstream') return true
  if (!isOurs(project)) return false
  const owns = await ownsProject(db, owner, project.name)
  if (owns === true) return true
  const claim = await claimOf(db, project.name)
  if (claim === undefined) return false
  const isUnderGrant = claim.at >= since
  if (owns === undefined) return isUnderGrant || claim.actor === owner
  // Whoever of a team, or of the administrators, creates a name under their namespace does so for them.
  return isUnderGrant && (await oneOfThemOwns(db, owner, project.name))
}

async function wasTold(db: Kysely<Database>, name: string): Promise<boolean> {
  const subjects = levelsOf(name).map(namespaceSubject)
  const decided = await db.selectFrom('decision').select('body').where('project', 'in', subjects).execute()
  return decided.some(({ body }) => {
    const decision = JSON.parse(body) as DecisionBody
    return 'visibility' in decision && isPublic(decision)
  })
}
