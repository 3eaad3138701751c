import { PostgresAdapter, sql } from 'kysely'
import type { Transaction } from 'kysely'
import type { Actor, Unnamed } from '../access/actor.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { appendAudit } from './audit.ts'

/** The files of one listing that an upstream changed: the first of them, and how many there were. */
interface ListedFiles {
  readonly upstream: string
  readonly count: number
  readonly files: readonly unknown[]
}

/** The files of a release that an administrator changed: the first of them, and how many there were. */
interface ChangedFiles {
  readonly count: number
  readonly files: readonly string[]
  readonly reason?: string | null
}

/** A name that an upstream lists, and what it has to do with a name or prefix of this index. */
interface FoundName {
  readonly upstream: string
  readonly name: string
  readonly own: string
}

/** One that is found no more. */
interface GoneName extends FoundName {
  /** It is not listed any more; it means something else here now; or the upstream is not asked any more. */
  readonly why: 'unlisted' | 'changed' | 'not-asked'
}

/** Files that somebody approved: the first of them, and how many there were. */
interface ApprovedFiles {
  readonly rev: number
  readonly count: number
  readonly files: readonly unknown[]
}

/** What each kind of event tells beside its project and its actor: names and digests, never a secret. */
export interface EventDetails {
  'upload-accepted': {
    readonly filename: string
    readonly version: string
    readonly sha256: string
    readonly size: number
    /** Id of the token that it came with; null for a password. */
    readonly token: string | null
  }
  'files-yanked': ChangedFiles
  'files-unyanked': ChangedFiles
  'files-deleted': ChangedFiles
  'authority-decided': { readonly rev: number; readonly decision: unknown }
  /** A user or team (`team:NAME`) became a member of a project, or got another role. */
  'member-added': { readonly holder: string; readonly role: string; readonly before: string | null }
  'member-removed': { readonly holder: string; readonly role: string }
  'transfer-asked': { readonly number: number; readonly to: string }
  'transfer-answered': { readonly number: number; readonly to: string; readonly answer: string }
  'team-created': { readonly team: string }
  'team-deleted': { readonly team: string }
  'team-joined': { readonly team: string; readonly user: string }
  'team-left': { readonly team: string; readonly user: string }
  /** A name was claimed that is like one that is not ours. */
  'name-look-alike': { readonly like: string; readonly likeness: string; readonly among: string }
  'status-changed': { readonly rev: number; readonly status: string; readonly reason: string | null }
  denied: { readonly rev: number; readonly decision: unknown }
  lifted: { readonly rev: number; readonly decision: unknown }
  'files-approved': ApprovedFiles
  'files-unapproved': ApprovedFiles
  /** Somebody who was refused asked for it; `files`: how many. */
  'request-asked': {
    readonly id: number
    readonly version: string | null
    readonly files: number
    readonly reason: string | null
  }
  'request-answered': {
    readonly id: number
    readonly version: string | null
    readonly state: string
    readonly answer: string | null
  }
  /** Something that would open a sealed name waits for its holders. */
  'opening-asked': { readonly kind: 'lift' | 'merge'; readonly opening: unknown }
  /** The second source of a merged name has other bytes under file names of the owner's. */
  'merge-conflict': { readonly source: string; readonly count: number; readonly files: readonly unknown[] }
  'upstream-mutated': ListedFiles
  'upstream-metadata-mutated': ListedFiles
  'upstream-withdrawn': ListedFiles
  'upstream-returned': ListedFiles
  /** An origin is left alone for a while: it failed several times in a row, or asked for it. */
  'upstream-down': { readonly upstream: string; readonly origin: string; readonly error: string | null }
  'upstream-up': { readonly upstream: string; readonly origin: string; readonly downSeconds: number }
  /** An internal name exists at an upstream as well (attacks.md DC-17); nothing is taken from there. */
  'upstream-collision': FoundName
  'upstream-collision-gone': GoneName
  /** An upstream has a name under a reserved prefix. */
  'upstream-under-namespace': FoundName
  'upstream-under-namespace-gone': GoneName
  /** An upstream has a name that is easily taken for an internal one. */
  'upstream-look-alike': FoundName
  'upstream-look-alike-gone': GoneName
  /** The list of an upstream's projects could not be read for long: what appears there is not seen. */
  'upstream-list-failing': { readonly upstream: string; readonly since: string; readonly reason: string }
  'upstream-list-recovered': { readonly upstream: string; readonly since: string }
  /** A receiver takes no events; they are kept for it. */
  'webhook-failing': { readonly webhook: string; readonly since: string; readonly reason: string }
  'webhook-recovered': { readonly webhook: string; readonly since: string }
  'token-created': {
    readonly id: string
    readonly user: string
    readonly scope: string
    readonly project: string | null
    readonly expires: string | null
  }
  'token-revoked': { readonly id: string; readonly user: string }
  'user-created': { readonly user: string; readonly admin: boolean }
  'user-disabled': { readonly user: string }
  'user-enabled': { readonly user: string }
  'password-changed': { readonly user: string; readonly removed: boolean }
  /** An address, or a user, reached the limit on failed logins and is kept out for a while. */
  'login-failures': { readonly address: string; readonly user: string | null }
  'certificate-reloaded': { readonly notAfter: string; readonly fingerprint: string }
  'backup-made': {
    readonly where: string
    readonly snapshot: number
    readonly files: number
    readonly bytes: number
    /** What the index itself had lost. */
    readonly missing: number
  }
  restored: { readonly where: string; readonly snapshot: number }
  /** Holders of offline keys changed who signs, or signed anew. */
  'ceremony-published': {
    readonly root: number
    readonly snapshot: number
    readonly roles: readonly string[]
    /** Ids of the keys that signed. */
    readonly signed: readonly string[]
  }
  /** Holders sealed a name or a policy; `rev` is that of what they signed. */
  sealed: { readonly path: string; readonly rev: number; readonly sha256: string }
  /** Holders took a seal away; `rev` is that of the decision. */
  unsealed: { readonly path: string; readonly rev: number }
  'garbage-swept': { readonly files: number; readonly bytes: number }
  'retention-applied': { readonly files: number; readonly bytes: number }
  'doctor-found': { readonly problems: number; readonly kinds: Readonly<Record<string, number>> }
  'doctor-repaired': { readonly repaired: number; readonly left: number }
  /** A server started with another meaning than the one before: whose names are whose, and who may read. */
  'configuration-changed': { readonly differences: readonly string[] }
  'server-started': { readonly version: string; readonly node: string }
  'server-stopped': { readonly version: string; readonly node: string }
  'schema-migrated': { readonly from: string | null; readonly to: string }
}

export type EventKind = keyof EventDetails

/** Something that happened, worth knowing later. */
export type IndexEvent = {
  readonly [Kind in EventKind]: {
    readonly kind: Kind
    /** ISO 8601. */
    readonly at: string
    /** Who did it: a user's name, `operator` for whoever works on the data folder, `upstream:<name>`; null: the server. */
    readonly actor: string | null
    /** In normal form; null: not about one project. */
    readonly project: string | null
    readonly detail: EventDetails[Kind]
  }
}[EventKind]

/** What makes an event an action. Its documents say as much as the action changed, never a secret. */
interface Acted {
  readonly by: Actor | Unnamed
  /** What it was done to; absent: the project. */
  readonly subject?: string | null
  /** Absent or null: nothing was there. */
  readonly before?: unknown
  readonly after?: unknown
}

type AsAction<Event> = Event extends IndexEvent ? Omit<Event, 'actor'> & Acted : never

/** Something that somebody did: an event, and a record of the audit. */
export type IndexAction = AsAction<IndexEvent>

/** An event whose transaction is committed; ids grow in the order of the commits. */
export type RecordedEvent = IndexEvent & { readonly id: number }

/**
 * Told of every event of this process, once it is committed: the log and the metrics. One without an id could not be
 * recorded, and is told all the same. Must not throw.
 */
export type EventSink = (event: IndexEvent & { readonly id?: number }) => void

/** `waxseal` as a number of eight bytes would hold it: the advisory lock that orders events. */
const ORDER_LOCK = 0x77_61_78_73_65_61

const recorded = new WeakMap<Transaction<Database>, RecordedEvent[]>()

/**
 * Writes an event in the transaction of the change that it tells of: it is there exactly when the change
 * is. Log line and metric follow when the transaction is committed (`reportingStore`). To be called near the end of a
 * transaction: on PostgreSQL everybody else's events wait from here to its commit, so that whoever reads by id misses
 * none (an id given out earlier, committed later).
 */
export async function recordEvent(tx: Transaction<Database>, event: IndexEvent): Promise<void> {
  if (tx.getExecutor().adapter instanceof PostgresAdapter) {
    await sql`select pg_advisory_xact_lock(${ORDER_LOCK})`.execute(tx)
  }
  const { id } = await tx
    .insertInto('event')
    .values({ ...event, detail: JSON.stringify(event.detail) })
    .returning('id')
    .executeTakeFirstOrThrow()
  const events = recorded.get(tx) ?? []
  recorded.set(tx, events)
  events.push({ ...event, id })
}

/**
 * Writes an action in the transaction of the change that it is: as an event, and as a record in the audit, where it stays.
 * To be called where `recordEvent` is.
 */
export async function recordAction(tx: Transaction<Database>, action: IndexAction): Promise<void> {
  const { by, before, after, subject = action.project, kind, at } = action
  await recordEvent(tx, eventOf(action))
  const { name: actor, credential, address } = by
  await appendAudit(tx, { at, actor, credential, address, action: kind, subject, before, after })
}

/** The event that an action is. */
export function eventOf({ by, before: _before, after: _after, subject: _subject, ...event }: IndexAction): IndexEvent {
  return { ...event, actor: by.name }
}

/** `store`, with `sink` told of what was recorded by each transaction after its commit. */
export function reportingStore(store: Store, sink: EventSink): Store {
  return {
    kind: store.kind,
    // A read-only store may change it for another.
    get db() {
      return store.db
    },
    consistently: (work) => store.consistently(work),
    changedElsewhere: () => store.changedElsewhere(),
    async transaction(work, durability) {
      // An attempt that lost against others has a transaction of its own, and its events go with it.
      let last: Transaction<Database> | undefined
      const result = await store.transaction((tx) => {
        last = tx
        return work(tx)
      }, durability)
      for (const event of (last && recorded.get(last)) ?? []) sink(event)
      return result
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
