import { binName, binOf } from '@waxseal/trust'
import type { RoleLayout, TargetFile } from '@waxseal/trust'
import type { BlobStore } from '../blobs/blob-store.ts'
import { hashesTo } from '../blobs/hashes-to.ts'
import { DOCTOR_BATCH } from '../limits.ts'
import type { PageRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { pageTarget } from './role-table.ts'
import type { SignedPage } from './signed-repository.ts'

export interface PublishedPagesParts {
  readonly store: Store
  readonly blobs: Pick<BlobStore, 'get'>
}

/** The bin that lists a project's page. */
export function binOfPage({ succinct }: RoleLayout, project: string): string {
  const row = succinct.get('bins')
  if (row === undefined) throw new Error('a table of roles without bins')
  return binName(row.bins, binOf(row.bins, pageTarget(project)))
}

/** A published page as it has to be signed. Its length is that of its body; of one that is lost or damaged, what is signed. */
export async function signedPage(
  { blobs }: PublishedPagesParts,
  row: PageRow,
  signed: TargetFile | undefined,
): Promise<SignedPage> {
  const { project, body_sha256: sha256 } = row
  const body = await blobs.get(sha256)
  const length = body?.size ?? signed?.length ?? 0
  if (body === undefined || signed === undefined || length === signed.length) return { project, sha256, length }
  // That its body is damaged is told with the page.
  const isWhole = await hashesTo(body, sha256).catch(() => false)
  return { project, sha256, length: isWhole ? length : signed.length }
}

/** All pages that belong into `bins`. */
export async function pagesOf(
  parts: PublishedPagesParts,
  layout: RoleLayout,
  bins: ReadonlySet<string>,
): Promise<readonly SignedPage[]> {
  const pages: SignedPage[] = []
  for await (const page of allPages(parts.store)) {
    if (bins.has(binOfPage(layout, page.project))) pages.push(await signedPage(parts, page, undefined))
  }
  return pages
}

/** Every published page, in the order of names, with memory that does not grow with their number. */
export async function* allPages({ db }: Store): AsyncGenerator<PageRow> {
  for (let after = ''; ;) {
    const pages = db.selectFrom('page').selectAll().where('project', '>', after).orderBy('project')
    const some = await pages.limit(DOCTOR_BATCH).execute()
    yield* some
    const last = some.at(-1)
    if (last === undefined) return
    after = last.project
  }
}
