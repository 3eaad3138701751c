import type { Kysely } from 'kysely'
import type { NamesConfig } from '../names/authority.ts'
import { answerFor } from '../names/authority.ts'
import type { PageSource } from '../releases/page.ts'
import type { Database, FileRow, ProjectRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'

/** The one source whose files may stand on the page of a project, or undefined when there is none. */
export function offeringSource(project: ProjectRow, names: NamesConfig): string | undefined {
  const answer = answerFor(project.name, project, names)
  switch (answer.kind) {
    case 'internal':
      return LOCAL_SOURCE
    case 'reserved':
      return undefined
    case 'upstream':
      return answer.upstream
    case 'undecided':
      return project.upstream ?? undefined
  }
}

/** Reads what `project`'s page is made of; undefined when the project has no record. */
export async function readPageSource(
  db: Kysely<Database>,
  name: string,
  names: NamesConfig,
): Promise<(PageSource & { readonly listed: boolean }) | undefined> {
  const project = await db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
  if (project === undefined) return undefined
  const source = offeringSource(project, names)
  const files: readonly FileRow[] =
    source === undefined
      ? []
      : await db.selectFrom('file').selectAll().where('project', '=', name).where('source', '=', source).execute()
  // A name that only passed by, and that no upstream has any more, is not ours to name.
  const listed = source !== undefined || project.authority !== 'unclaimed'
  return { project: name, files, listed, ...(await effectiveStatus(db, project, source)) }
}

/**
 * The project's own status, or its upstream's where ours is active: a closing upstream closes here at once
 * (attacks.md 6.5 row 13), while opening is never copied over a status that was set here.
 */
export async function effectiveStatus(
  db: Kysely<Database>,
  project: ProjectRow,
  source: string | undefined,
): Promise<Pick<PageSource, 'status' | 'statusReason'>> {
  const own = { status: project.status, statusReason: project.status_reason }
  if (project.status !== 'active' || source === undefined || source === LOCAL_SOURCE) return own
  const theirs = await db
    .selectFrom('upstream_page')
    .select(['status', 'status_reason'])
    .where('project', '=', project.name)
    .where('upstream', '=', source)
    .executeTakeFirst()
  return theirs === undefined ? own : { status: theirs.status, statusReason: theirs.status_reason }
}
