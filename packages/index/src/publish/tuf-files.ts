import { hash } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** A file of signed metadata, as it is sent. */
export interface TufFile {
  readonly bytes: Buffer
  readonly sha256: string
}

/** Signed metadata as readers get it (TUF specification 5.1, consistent snapshots): by role and version, immutable. */
export class TufFiles {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** The newest version of a role: what clients ask for without a version, the timestamp alone. */
  async newest(role: string): Promise<TufFile | undefined> {
    const { db } = this.#store
    const rows = db.selectFrom('tuf_file').select('body').where('role', '=', role)
    return fileOf(await rows.where('superseded_at', 'is', null).orderBy('version', 'desc').limit(1).executeTakeFirst())
  }

  async version(role: string, version: number): Promise<TufFile | undefined> {
    const { db } = this.#store
    const rows = db.selectFrom('tuf_file').select('body').where('role', '=', role)
    return fileOf(await rows.where('version', '=', version).executeTakeFirst())
  }

  /** A target about names, current or lately replaced. */
  async document(path: string, sha256: string): Promise<TufFile | undefined> {
    const { db } = this.#store
    const rows = db.selectFrom('target').select('body').where('path', '=', path).where('sha256', '=', sha256)
    return fileOf(await rows.limit(1).executeTakeFirst())
  }
}

function fileOf(row: { readonly body: string } | undefined): TufFile | undefined {
  if (row === undefined) return undefined
  const bytes = Buffer.from(row.body)
  return { bytes, sha256: hash('sha256', bytes) }
}
