import { DatabaseSync } from 'node:sqlite'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrustRemote } from '@waxseal/trust'

/** An index as a server would show it that started on this data folder now and changed nothing. */
export class StoredRemote implements TrustRemote, Disposable {
  readonly #dataDir: string
  readonly #database: DatabaseSync

  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#database = new DatabaseSync(join(dataDir, 'waxseal.db'))
  }

  async metadata(name: string): Promise<Uint8Array | undefined> {
    const [, version, role = ''] = /^(?:(\d+)\.)?(.*)\.json$/.exec(name) ?? []
    const row =
      version === undefined
        ? this.#database.prepare('select body from tuf_file where role = ? and superseded_at is null').get(role)
        : this.#database.prepare('select body from tuf_file where role = ? and version = ?').get(role, Number(version))
    return row === undefined ? undefined : Buffer.from(String(row['body']))
  }

  async target(path: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const sha256 = /\/([0-9a-f]{64})\.index\.json$/.exec(path)?.[1]
    if (sha256 === undefined) return undefined
    const file = join(this.#dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    return (async function* () {
      yield await readFile(file)
    })()
  }

  /** The sha256 of each project's published page. */
  pages(): ReadonlyMap<string, string> {
    const rows = this.#database.prepare('select project, body_sha256 from page order by project').all()
    return new Map(rows.map((row) => [String(row['project']), String(row['body_sha256'])]))
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
