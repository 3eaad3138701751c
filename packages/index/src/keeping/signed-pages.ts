import type { TargetFile, TrustClient } from '@waxseal/trust'
import { DOCTOR_BATCH } from '../limits.ts'
import { pageTarget, projectOfTarget } from '../publish/role-table.ts'
import type { SignedPage } from '../publish/signed-repository.ts'
import { allPages, signedPage } from '../publish/published-pages.ts'
import type { PublishedPagesParts } from '../publish/published-pages.ts'

/** What of a project is published, and what is signed; undefined: nothing. */
export interface PageState {
  readonly published: SignedPage | undefined
  readonly signed: TargetFile | undefined
}

/** Whether a page is not signed as it is published. */
export function differs({ published, signed }: PageState): boolean {
  return published?.sha256 !== signed?.hashes.get('sha256') || published?.length !== signed?.length
}

/** Compares what a bin lists with what is published. */
export async function compareBin(
  parts: PublishedPagesParts,
  listed: ReadonlyMap<string, TargetFile>,
): Promise<{ readonly same: number; readonly suspects: readonly string[] }> {
  const signed = new Map<string, TargetFile>()
  for (const [path, file] of listed) {
    const project = projectOfTarget(path)
    if (project !== undefined) signed.set(project, file)
  }
  const projects = [...signed.keys()]
  const suspects = new Set(projects)
  for (let from = 0; from < projects.length; from += DOCTOR_BATCH) {
    const some = projects.slice(from, from + DOCTOR_BATCH)
    for (const row of await parts.store.db.selectFrom('page').selectAll().where('project', 'in', some).execute()) {
      const file = signed.get(row.project)
      if (!differs({ published: await signedPage(parts, row, file), signed: file })) suspects.delete(row.project)
    }
  }
  return { same: projects.length - suspects.size, suspects: [...suspects] }
}

/** Published pages that no bin lists. */
export async function unlistedPages(parts: PublishedPagesParts, client: TrustClient): Promise<readonly string[]> {
  const unlisted: string[] = []
  for await (const { project } of allPages(parts.store)) {
    // That of a damaged bin is told with the bin.
    const found = await client.find(pageTarget(project)).catch(() => undefined)
    if (found?.kind === 'absent') unlisted.push(project)
  }
  return unlisted
}

/**
 * What is published and signed of a project at one moment, by a client that looks anew; undefined while a change of it waits, or
 * goes on being published.
 */
export async function stateOf(
  parts: PublishedPagesParts,
  client: TrustClient,
  project: string,
): Promise<PageState | undefined> {
  const { db } = parts.store
  const waiting = db.selectFrom('journal').select('seq').where('project', '=', project).where('snapshot', 'is', null)
  if ((await waiting.limit(1).executeTakeFirst()) !== undefined) return undefined
  const pages = db.selectFrom('page').selectAll().where('project', '=', project)
  const before = await pages.executeTakeFirst()
  await client.refresh()
  const found = await client.find(pageTarget(project))
  const signed = found.kind === 'found' ? found.file : undefined
  const after = await pages.executeTakeFirst()
  if (before?.body_sha256 !== after?.body_sha256) return undefined
  return { signed, published: after && (await signedPage(parts, after, signed)) }
}
