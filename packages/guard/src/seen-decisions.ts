import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Denial } from '@waxseal/index/names'

/** Stands beside the documents: that this index signs what is decided about names. */
const GOVERNED = 'names'

/** What this guard saw of decisions that are about more than one name: it never goes back behind them (attacks.md RB-POL, QUAR-2). */
export class SeenDecisions {
  readonly #database: DatabaseSync
  readonly #selectRev: StatementSync
  readonly #upsertRev: StatementSync
  readonly #selectDenied: StatementSync
  readonly #insertDenied: StatementSync
  readonly #deleteDenied: StatementSync

  constructor(database: DatabaseSync) {
    this.#database = database
    database.exec(`create table if not exists decided (path text primary key, rev integer not null) strict, without rowid;
      create table if not exists denied (
        project text not null, n integer not null, entry text not null, primary key (project, n, entry)
      ) strict, without rowid;`)
    this.#selectRev = database.prepare('select rev from decided where path = ?')
    this.#upsertRev = database.prepare(
      'insert into decided values (?, ?) on conflict do update set rev = max(rev, excluded.rev)',
    )
    this.#selectDenied = database.prepare('select entry from denied where project = ? order by n')
    this.#insertDenied = database.prepare('insert or ignore into denied values (?, ?, ?)')
    this.#deleteDenied = database.prepare('delete from denied where project = ? and n = ?')
  }

  /** The highest revision that was seen of a document; 0 where it was never seen. */
  rev(path: string): number {
    return Number(this.#selectRev.get(path)?.['rev'] ?? 0)
  }

  noteRev(path: string, rev: number): void {
    this.#upsertRev.run(path, rev)
  }

  /** All of them. */
  revs(): readonly { readonly path: string; readonly rev: number }[] {
    const rows = this.#database.prepare('select path, rev from decided order by path').all()
    return rows.map(({ path, rev }) => ({ path: String(path), rev: Number(rev) }))
  }

  /** Whether anything was ever seen by which this index signs what is decided about names. */
  get isGoverned(): boolean {
    return this.rev(GOVERNED) > 0
  }

  noteGoverned(): void {
    this.noteRev(GOVERNED, 1)
  }

  /** Entries of deny lists of this project that were seen and that no holder has lifted; those that have ended by the clock too. */
  denials(project: string): readonly Denial[] {
    return this.#selectDenied.all(project).map(({ entry }) => JSON.parse(String(entry)) as Denial)
  }

  /** Keeps what a deny list says. What a number said before holds too: it is never used again, and a thief may have used it first. */
  keepDenials(entries: readonly Denial[]): void {
    if (entries.length === 0) return
    atOnce(this.#database, () => {
      for (const entry of entries) this.#insertDenied.run(entry.project, entry.n, JSON.stringify(entry))
    })
  }

  /** These are lifted, by holders in a record of the project. */
  lift(project: string, numbers: readonly number[]): void {
    if (numbers.length > 0) atOnce(this.#database, () => this.forgetDenials(project, numbers))
  }

  /** As `lift`, within a transaction of the caller's. */
  forgetDenials(project: string, numbers: readonly number[]): void {
    for (const n of numbers) this.#deleteDenied.run(project, n)
  }
}

/** All of it or nothing. */
export function atOnce<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    database.exec('rollback')
    throw error
  }
}
