import { PackagingError } from '@waxseal/packaging'
import type { Clock } from '../clock.ts'
import { DOCTOR_BATCH } from '../limits.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { PageBodies } from '../publish/page-bodies.ts'
import { readPageSource } from '../publish/page-source.ts'
import { projectPage, renderPage } from '../releases/page.ts'
import type { PageRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Findings, Repair } from './doctor-findings.ts'

export interface PagesParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  /** Publishes what differs anew, until `held` aborts; undefined: only look. */
  readonly repair: { readonly bodies: PageBodies; readonly held: AbortSignal } | undefined
}

/** Compares what every published page says with what its rows say now. */
export async function examinePages(parts: PagesParts, findings: Findings): Promise<number> {
  const { store, repair } = parts
  let count = 0
  for (let after = ''; ;) {
    const some = await store.db
      .selectFrom('page')
      .selectAll()
      .where('project', '>', after)
      .orderBy('project')
      .limit(DOCTOR_BATCH)
      .execute()
    for (const page of some) {
      const state = await compare(parts, page)
      if (state === 'same') continue
      if (state === 'waiting') findings.add('page-waiting', page.project)
      else findings.add('page-differs', page.project, repair && { repair: await publish(repair, page) })
    }
    count += some.length
    const last = some.at(-1)
    if (last === undefined) return count
    after = last.project
  }
}

async function compare(parts: PagesParts, page: PageRow): Promise<'same' | 'waiting' | 'differs'> {
  const { store } = parts
  if (await says(parts, page)) return 'same'
  // A server may be publishing it at this moment: then a journal row waits, or the page is another one by now.
  const waiting = await store.db
    .selectFrom('journal')
    .select('seq')
    .where('project', '=', page.project)
    .where('snapshot', 'is', null)
    .limit(1)
    .executeTakeFirst()
  if (waiting !== undefined) return 'waiting'
  const now = await store.db.selectFrom('page').selectAll().where('project', '=', page.project).executeTakeFirst()
  return now === undefined || (await says(parts, now)) ? 'same' : 'differs'
}

async function says({ store, names, clock }: PagesParts, page: PageRow): Promise<boolean> {
  const source = await readPageSource(store.db, page.project, names, clock.now())
  if (source === undefined) return false
  try {
    return renderPage(projectPage(source)).content === page.content_sha256
  } catch (error) {
    // The publisher leaves such a page as it was, and so do we.
    if (error instanceof PackagingError) return true
    throw error
  }
}

async function publish({ bodies, held }: NonNullable<PagesParts['repair']>, page: PageRow): Promise<Repair> {
  held.throwIfAborted()
  const { snapshot } = await bodies.restore(page)
  return { done: snapshot !== page.snapshot, how: `published anew with snapshot ${snapshot}` }
}
