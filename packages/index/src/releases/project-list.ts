import { createHash } from 'node:crypto'
import { renderProjectListHtml, writeProjectListJson } from '@waxseal/packaging'
import type { SimpleProjectList } from '@waxseal/packaging'
import type { CurrentProjects } from '../publish/current-projects.ts'
import { newestSnapshot } from '../publish/publisher.ts'
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
  #made: { readonly generation: number; readonly list: Promise<PublishedList> } | undefined

  constructor(store: Store, current: CurrentProjects) {
    this.#store = store
    this.#current = current
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
      .select(['project.name', 'project.display_name', 'page.snapshot'])
      .where('page.listed', '=', 1)
      .orderBy('project.name')
      .execute()
    const list: SimpleProjectList = {
      meta: { '_last-serial': snapshot },
      projects: rows.map((row) => ({ name: row.display_name, extra: { '_last-serial': row.snapshot } })),
    }
    const json = writeProjectListJson(list)
    const sha256 = createHash('sha256').update(json).digest('hex')
    return { snapshot, sha256, json: () => json, html: () => renderProjectListHtml(list) }
  }
}
