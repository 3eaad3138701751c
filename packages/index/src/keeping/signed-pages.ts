import { binName, binOf } from '@waxseal/trust'
import type { RepositoryState, TargetFile, TrustClient } from '@waxseal/trust'
import type { BlobStore } from '../blobs/blob-store.ts'
import { DOCTOR_BATCH } from '../limits.ts'
import { pageTarget, projectOfTarget } from '../publish/role-table.ts'
import type { SignedPage } from '../publish/signed-repository.ts'
import type { PageRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { lossOfBlob } from './pool-blobs.ts'

export interface SignedPagesParts {
  readonly store: Store
  readonly blobs: Pick<BlobStore, 'get'>
}

/** What of a project is published, and what is signed; undefined: nothing. */
export interface PageState {
  readonly published: SignedPage | undefined
  readonly signed: TargetFile | undefined
}

/** A published page as it has to be signed. Its length is that of its body; of one that is lost or damaged, what is signed. */
async function signedPage(
  { blobs }: SignedPagesParts,
  row: PageRow,
  signed: TargetFile | undefined,
): Promise<SignedPage> {
  const { project, body_sha256: sha256 } = row
  const body = await blobs.get(sha256)
  const length = body?.size ?? signed?.length ?? 0
  if (body === undefined || signed === undefined || length === signed.length) return { project, sha256, length }
  // That its body is damaged is told with the page.
  const loss = await lossOfBlob(body, sha256)
  return { project, sha256, length: loss === undefined ? length : signed.length }
}

/** Whether a page is not signed as it is published. */
export function differs({ published, signed }: PageState): boolean {
  return published?.sha256 !== signed?.hashes.get('sha256') || published?.length !== signed?.length
}

/** Compares what a bin lists with what is published. */
export async function compareBin(
  parts: SignedPagesParts,
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
export async function unlistedPages(parts: SignedPagesParts, client: TrustClient): Promise<readonly string[]> {
  const unlisted: string[] = []
  for await (const { project } of allPages(parts.store)) {
    // That of a damaged bin is told with the bin.
    const found = await client.find(pageTarget(project)).catch(() => undefined)
    if (found?.kind === 'absent') unlisted.push(project)
  }
  return unlisted
}

/** All pages that belong into `bins`. */
export async function pagesOf(
  parts: SignedPagesParts,
  { layout }: RepositoryState,
  bins: ReadonlySet<string>,
): Promise<readonly SignedPage[]> {
  const row = layout.succinct.get('bins')
  if (row === undefined) return []
  const pages: SignedPage[] = []
  for await (const page of allPages(parts.store)) {
    if (bins.has(binName(row.bins, binOf(row.bins, pageTarget(page.project))))) {
      pages.push(await signedPage(parts, page, undefined))
    }
  }
  return pages
}

/**
 * What is published and signed of a project at one moment, by a client that looks anew; undefined while a change of it waits, or
 * goes on being published.
 */
export async function stateOf(
  parts: SignedPagesParts,
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

async function* allPages({ db }: Store): AsyncGenerator<PageRow> {
  for (let after = ''; ;) {
    const pages = db.selectFrom('page').selectAll().where('project', '>', after).orderBy('project')
    const some = await pages.limit(DOCTOR_BATCH).execute()
    yield* some
    const last = some.at(-1)
    if (last === undefined) return
    after = last.project
  }
}
