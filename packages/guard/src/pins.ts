import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { GuardError } from './error.ts'
import { PINS_BUSY_MS } from './limits.ts'
import { atOnce, SeenDecisions } from './seen-decisions.ts'

/** What this guard has seen of the record of a name. */
export interface SeenRecord {
  /** The highest revision that the server claimed since it was sealed last, and that its holders sealed; 0 where none was seen. */
  readonly rev: number
  readonly sealedRev: number
  /** In which version of their shard holders were seen to seal it, or not to any more; 0: they were never seen to. */
  readonly shard: number
  readonly sealed: boolean
}

/** What was seen of decisions that holders signed, by name and by document: what another guard may begin with. */
export interface SeenSeals {
  readonly sealed: readonly (Pick<SeenRecord, 'shard' | 'sealed'> & {
    readonly project: string
    /** The highest revision that holders sealed. */
    readonly rev: number
  })[]
  readonly decided: readonly { readonly path: string; readonly rev: number }[]
}

/** What there was of a name when it was forgotten. */
export interface Forgotten {
  readonly files: number
  /** The highest revision of its record; 0 where none was seen. */
  readonly rev: number
  readonly wasSealed: boolean
  /** The numbers of what was denied of it that were forgotten too, and of what is kept, whether or not it still holds. */
  readonly denials: readonly number[]
  readonly kept: readonly number[]
}

export const NO_RECORD_SEEN: SeenRecord = { rev: 0, sealedRev: 0, shard: 0, sealed: false }

/** What this guard has seen under a name so far. */
export interface Pinned extends SeenRecord {
  /** sha256 of the page that was seen last, and the index's own tag for it. */
  readonly pageSha256: string
  readonly etag: string
  /** By which rules and to which sha256 that page was made; empty where it has to be made anew. */
  readonly rendered: string
}

/** Each file's sha256 by its name, and since when it is known, in seconds since 1970. */
export type PinnedFiles = ReadonlyMap<string, { readonly sha256: string; readonly since: number }>

/**
 * What this guard saw first: the sha256 of each file name, for ever, and the revision of each name's record. One database per
 * trusted index, for any number of guards at once. It protects from the one who holds the server's keys: a file that this guard
 * has seen can be withheld from then on, never replaced (attacks.md KC-3, IDX-REPL, RB-POL).
 */
export class Pins implements Disposable {
  readonly #database: DatabaseSync
  readonly #select: StatementSync
  readonly #selectFiles: StatementSync
  readonly #upsert: StatementSync
  readonly #upsertRev: StatementSync
  readonly #upsertSeal: StatementSync
  readonly #endClaims: StatementSync
  readonly decisions: SeenDecisions

  /** @throws GuardError `trust-unusable` */
  constructor(path: string) {
    try {
      this.#database = new DatabaseSync(path, { timeout: PINS_BUSY_MS })
      // What was seen in the last moment before a power cut may be seen anew; what is there is whole.
      this.#database.exec(`pragma journal_mode = wal; pragma synchronous = normal;
        create table if not exists pinned (
          project text primary key, page text not null, etag text not null, rev integer not null, rendered text not null,
          files text not null
        ) strict, without rowid;
        create table if not exists sealed (
          project text primary key, rev integer not null, shard integer not null, sealed integer not null
        ) strict, without rowid;`)
      this.#select = this.#database.prepare(
        `select page, etag, pinned.rev, rendered, sealed.rev as sealed_rev, shard, sealed
         from pinned left join sealed using (project) where project = ?`,
      )
      this.#selectFiles = this.#database.prepare('select files from pinned where project = ?')
      this.#upsert = this.#database.prepare(
        `insert into pinned values (?1, ?2, ?3, 0, ?4, ?5)
         on conflict do update set page = ?2, etag = ?3, rendered = ?4, files = ?5`,
      )
      this.#upsertRev = this.#database.prepare(
        "insert into pinned values (?, '', '', ?, '', '[]') on conflict do update set rev = max(rev, ?2)",
      )
      // What was seen in an older shard by a guard that was slower says nothing.
      this.#upsertSeal = this.#database.prepare(
        `insert into sealed values (?1, ?2, ?3, ?4) on conflict do update
         set rev = max(rev, ?2), sealed = iif(?3 >= shard, ?4, sealed), shard = max(shard, ?3)`,
      )
      this.#endClaims = this.#database.prepare(
        'update pinned set rev = 0 where project = ?1 and exists (select 1 from sealed where project = ?1 and shard = ?2)',
      )
      this.decisions = new SeenDecisions(this.#database)
    } catch (cause) {
      throw new GuardError(
        'trust-unusable',
        `What this guard has seen so far cannot be read from ${path}. If the file is damaged, move it away: the guard then pins files anew.`,
        { cause },
      )
    }
  }

  /** What was seen under a name. */
  of(project: string): Pinned | undefined {
    const row = this.#select.get(project)
    if (row === undefined) return undefined
    return {
      pageSha256: String(row['page']),
      etag: String(row['etag']),
      rev: Number(row['rev']),
      sealedRev: Number(row['sealed_rev'] ?? 0),
      shard: Number(row['shard'] ?? 0),
      sealed: row['sealed'] === 1,
      rendered: String(row['rendered']),
    }
  }

  /** The files that were seen under a name. */
  files(project: string): PinnedFiles {
    const row = this.#selectFiles.get(project)
    if (row === undefined) return new Map()
    const files = JSON.parse(String(row['files'])) as [string, string, number][]
    return new Map(files.map(([filename, sha256, since]) => [filename, { sha256, since }]))
  }

  /**
   * Notes what stands on a page now. Files that were seen before keep what they had: what another guard has noted meanwhile counts
   * too.
   */
  note(
    project: string,
    seen: Pick<Pinned, 'pageSha256' | 'etag' | 'rendered'> & {
      readonly files: Iterable<{ readonly filename: string; readonly sha256: string }>
      /** Milliseconds since 1970. */
      readonly now: number
    },
  ): void {
    atOnce(this.#database, () => {
      const files = new Map(this.files(project))
      const since = Math.floor(seen.now / 1000)
      let agrees = true
      for (const { filename, sha256 } of seen.files) {
        const pin = files.get(filename)
        if (pin === undefined) files.set(filename, { sha256, since })
        else if (pin.sha256 !== sha256) agrees = false
      }
      const text = JSON.stringify([...files].map(([filename, pin]) => [filename, pin.sha256, pin.since]))
      // What was made of the page before another guard saw other files is not to be handed on again.
      const rendered = agrees ? seen.rendered : ''
      this.#upsert.run(project, seen.pageSha256, seen.etag, rendered, text)
    })
  }

  /** Notes what was seen of a name's record, whether or not anything of the name is handed on. A seal ends what was claimed before. */
  noteRecord(project: string, record: SeenRecord): void {
    atOnce(this.#database, () => this.#noteRecord(project, record))
  }

  /**
   * What holders were seen to sign. What the server claims or denies is not among it: whoever had its keys may have counted far ahead,
   * and other guards are not to take that over.
   */
  seals(): SeenSeals {
    const rows = this.#database.prepare('select project, rev, shard, sealed from sealed order by project').all()
    return {
      sealed: rows.map(({ project, rev, shard, sealed }) => ({
        project: String(project),
        rev: Number(rev),
        shard: Number(shard),
        sealed: sealed === 1,
      })),
      decided: this.decisions.revs(),
    }
  }

  /** Has all of this for seen, beside what was seen here. */
  noteSeals({ sealed, decided }: SeenSeals): void {
    atOnce(this.#database, () => {
      for (const { project, rev, ...seal } of sealed) this.#noteRecord(project, { rev: 0, sealedRev: rev, ...seal })
      for (const { path, rev } of decided) this.decisions.noteRev(path, rev)
    })
  }

  /** Notes another tag for the page that was seen last. */
  noteTag(project: string, etag: string): void {
    this.#database.prepare('update pinned set etag = ? where project = ?').run(etag, project)
  }

  /**
   * Forgets a name: what stands on its page next is what is seen first. What is denied of it is forgotten only by its numbers: whoever
   * has a file replaced, or one denial forgotten that a thief signed, must not get others out of the way with it.
   */
  forget(project: string, numbers: readonly number[] = []): Forgotten {
    return atOnce(this.#database, () => {
      const { rev, sealedRev, shard } = this.of(project) ?? NO_RECORD_SEEN
      const seen = new Set(this.decisions.denials(project).map(({ n }) => n))
      const forgotten = {
        files: this.files(project).size,
        rev: Math.max(rev, sealedRev),
        wasSealed: shard > 0,
        denials: [...seen.intersection(new Set(numbers))],
        kept: [...seen.difference(new Set(numbers))],
      }
      this.#database.prepare('delete from sealed where project = ?').run(project)
      this.#database.prepare('delete from pinned where project = ?').run(project)
      this.decisions.forgetDenials(project, forgotten.denials)
      return forgotten
    })
  }

  /** How many names, and how many files of them. */
  count(): { readonly projects: number; readonly files: number } {
    const row = this.#database
      .prepare(
        'select count(*) as projects, coalesce(sum((select count(*) from json_each(files))), 0) as files from pinned',
      )
      .get()
    return { projects: Number(row?.['projects'] ?? 0), files: Number(row?.['files'] ?? 0) }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #noteRecord(project: string, { rev, sealedRev, shard, sealed }: SeenRecord): void {
    this.#upsertRev.run(project, rev)
    if (shard > 0) this.#upsertSeal.run(project, sealedRev, shard, sealed ? 1 : 0)
    if (sealed) this.#endClaims.run(project, shard)
  }
}
