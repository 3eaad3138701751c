import { createHash } from 'node:crypto'
import { renderProjectListHtml, writeProjectListJson } from '@waxseal/packaging'
import type { SimpleProjectList } from '@waxseal/packaging'
import { answerFor } from '../names/authority.ts'
import { claimedName } from '../names/claimed-name.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import { newestSnapshot } from '../publish/publisher.ts'
import type { ProjectRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** The list of projects at one snapshot; `sha256` names its content, whatever the representation. */
export interface PublishedList {
  readonly snapshot: number
  readonly sha256: string
  json(): Uint8Array
  html(): string
}

/** The project list, made once per snapshot on first use. */
export class ProjectLists {
  readonly #store: Store
  readonly #current: CurrentProjects
  readonly #names: NamesConfig
  #made: { readonly generation: number; readonly list: Promise<PublishedList> } | undefined

  constructor(store: Store, current: CurrentProjects, names: NamesConfig) {
    this.#store = store
    this.#current = current
    this.#names = names
  }

  async get(): Promise<PublishedList> {
    await this.#current.synchronize()
    const { generation } = this.#current
    if (this.#made?.generation !== generation) {
      const list = this.#make()
      this.#made = { generation, list }
      list.catch(() => {
        this.#made = undefined
      })
    }
    return this.#made.list
  }

  async #make(): Promise<PublishedList> {
    const snapshot = await newestSnapshot(this.#store)
    const rows = await this.#store.db
      .selectFrom('page')
      .innerJoin('project', 'project.name', 'page.project')
      .select([
        'project.name',
        'project.display_name',
        'project.authority',
        'project.upstream',
        'project.merge_rule',
        'page.snapshot',
      ])
      .where('page.listed', '=', 1)
      .orderBy('project.name')
      .execute()
    const ours = rows.filter((row) => this.#answered(row))
    const list: SimpleProjectList = {
      meta: { '_last-serial': snapshot },
      projects: ours.map((row) => ({ name: row.display_name, extra: { '_last-serial': row.snapshot } })),
    }
    const json = writeProjectListJson(list)
    const sha256 = createHash('sha256').update(json).digest('hex')
    return { snapshot, sha256, json: () => json, html: () => renderProjectListHtml(list) }
  }

  /** The configuration may have changed since a page was published: a name that is not answered any more is not listed. */
  #answered(row: Pick<ProjectRow, 'name' | 'authority' | 'upstream' | 'merge_rule'>): boolean {
    const { kind } = answerFor(row.name, claimedName(row), this.#names)
    if (kind === 'undecided') return row.upstream !== null && this.#names.upstreams.includes(row.upstream)
    return kind !== 'reserved' && kind !== 'refused'
  }
}
