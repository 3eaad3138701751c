import { z } from 'zod'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { CERTIFICATE_EXPIRY_NOTICE_MS, DISK_LOW_BYTES, PUBLISH_STUCK_MS, TOKEN_EXPIRY_NOTICE_MS } from '../limits.ts'
import { ceremonyBegun } from '../publish/ceremony-folder.ts'
import { newestSnapshot } from '../publish/publisher.ts'
import { readLists, sentinelAttention } from '../sentinel/read-sentinel.ts'
import type { WatchedList } from '../sentinel/read-sentinel.ts'
import { readWebhooks, webhookAttention } from '../webhooks/read-webhooks.ts'
import type { WebhookState } from '../webhooks/read-webhooks.ts'
import { appliedSteps } from '../store/migrations/index.ts'
import type { Store, StoreOptions } from '../store/store.ts'
import type { BackupNotes } from './backup-notes.ts'
import { backupAttention, readBackupNotes } from './backup-notes.ts'
import { takeCensus } from './census.ts'
import type { Census } from './census.ts'
import { readNodes } from './node-status.ts'
import type { RunningNode, SilentNode } from './node-status.ts'
import { readSigningDates, signingAttention, signingStatus } from './signing-status.ts'
import type { SigningStatus } from './signing-status.ts'
import { readDatabaseSize, readDisk, readGarbage, readWaiting } from './store-facts.ts'
import type { Disk, Waiting } from './store-facts.ts'

/** A token that expires soon. */
export interface ExpiringToken {
  readonly id: string
  readonly user: string
  readonly label: string | null
  readonly expires: string
}

/** How an index does: what `waxseal status` and `GET /api/v1/status` tell. Sizes in bytes, times in ISO 8601. */
export interface IndexStatus extends BackupNotes {
  readonly at: string
  readonly version: string
  readonly database: {
    readonly kind: 'sqlite' | 'postgres'
    readonly bytes: number
    /** The newest step of the schema that was applied; this version's own, or it would not have been opened. */
    readonly schema: string
  }
  readonly snapshot: number
  readonly store: Census & { readonly pages: number; readonly garbageFiles: number }
  /** Null: nothing is signed. */
  readonly signing: SigningStatus | null
  /** Whether a ceremony waits for those who sign. */
  readonly ceremony: boolean
  readonly waiting: Waiting
  readonly disk: Disk
  readonly servers: readonly RunningNode[]
  /** Servers that ended without a word, or cannot write. */
  readonly silentServers: readonly SilentNode[]
  readonly expiringTokens: readonly ExpiringToken[]
  /** What the sentinel knows of the project lists of upstreams. */
  readonly lists: readonly WatchedList[]
  readonly webhooks: readonly WebhookState[]
  /** What somebody should look at; empty: all is well. */
  readonly attention: readonly string[]
}

/** The schema of the part that a script may rely on; the rest is described by the type. */
export const indexStatusSchema = z.looseObject({
  at: z.string(),
  version: z.string(),
  attention: z.array(z.string()).meta({ description: 'What somebody should look at; empty: all is well.' }),
})

export interface IndexStatusParts {
  readonly store: Store
  readonly clock: Clock
  readonly database: StoreOptions
  readonly dataDir: string
  readonly version: string
}

/**
 * Looks at everything once; takes as long as counting the rows of the tables `file` and `project`. `self` is the server
 * that is asked: it knows itself better than its row does, and in read-only mode it has none.
 */
export async function readIndexStatus(parts: IndexStatusParts, self?: RunningNode): Promise<IndexStatus> {
  const { store, clock, database, dataDir, version } = parts
  const { pages } = await store.db
    .selectFrom('page')
    .select(({ fn }) => fn.countAll<number>().as('pages'))
    .executeTakeFirstOrThrow()
  const { running, silent } = await readNodes(store, clock)
  const dates = await readSigningDates(store)
  const found = {
    at: isoTime(clock),
    version,
    database: {
      kind: store.kind,
      bytes: await readDatabaseSize(store, database),
      schema: (await appliedSteps(store.db)).at(-1) ?? '',
    },
    snapshot: await newestSnapshot(store),
    store: { ...(await takeCensus(store.db)), pages, garbageFiles: await readGarbage(store) },
    signing: dates === undefined ? null : signingStatus(dates, clock.now()),
    ceremony: await ceremonyBegun(dataDir),
    waiting: await readWaiting(store, clock),
    disk: await readDisk(dataDir),
    servers: [...(self === undefined ? [] : [self]), ...running.filter(({ id }) => id !== self?.id)],
    silentServers: silent,
    ...(await readBackupNotes(store, clock)),
    expiringTokens: await readExpiringTokens(store, clock),
    lists: await readLists(store),
    webhooks: await readWebhooks(store),
  }
  return { ...found, attention: attentionTo(found, clock.now()) }
}

async function readExpiringTokens(store: Store, clock: Clock): Promise<readonly ExpiringToken[]> {
  const until = new Date(clock.now() + TOKEN_EXPIRY_NOTICE_MS).toISOString()
  const rows = await store.db
    .selectFrom('token')
    .select(['id', 'user', 'label', 'expires_at'])
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', isoTime(clock))
    .where('expires_at', '<=', until)
    .orderBy('expires_at')
    .execute()
  return rows.map(({ expires_at, ...row }) => ({ ...row, expires: expires_at ?? '' }))
}

/** Each sentence names the trouble; a token that expires is told of, and needs nobody. */
function attentionTo(status: Omit<IndexStatus, 'attention'>, now: number): readonly string[] {
  const { servers, silentServers, waiting, disk, store, signing } = status
  const said: string[] = []
  if (servers.length === 0) said.push('No server is running on this index.')
  for (const { id, seenAt } of silentServers) {
    said.push(`The server ${id} said last at ${seenAt} that it runs: it was killed, or cannot write.`)
  }
  if (waiting.oldestSeconds * 1000 > PUBLISH_STUCK_MS) {
    said.push(`${waiting.changes} changes wait to be published, the oldest for ${Math.round(waiting.oldestSeconds)} s.`)
  }
  if (disk.freeBytes < DISK_LOW_BYTES) said.push('The disk is nearly full: "waxseal gc --dry-run" says what can go.')
  const down = new Set(
    servers.flatMap(({ upstreams }) => upstreams.filter(({ open }) => open.length > 0)).map(({ name }) => name),
  )
  for (const name of down) said.push(`The upstream ${name} fails and is left alone for a while.`)
  for (const expires of new Set(servers.flatMap(({ certificateExpires }) => certificateExpires ?? []))) {
    if (Date.parse(expires) - now < CERTIFICATE_EXPIRY_NOTICE_MS)
      said.push(`The TLS certificate expires at ${expires}.`)
  }
  for (const problem of new Set(servers.flatMap(({ certificateProblem }) => certificateProblem ?? []))) {
    said.push(`${problem} The certificate from before stays in use.`)
  }
  for (const { id, signingProblem } of servers) {
    if (signingProblem !== null) said.push(`The server ${id} cannot renew signatures: ${signingProblem}`)
  }
  said.push(...signingAttention(signing?.roles ?? []), ...sentinelAttention(status.lists))
  said.push(...webhookAttention(status.webhooks))
  return [...said, ...backupAttention(status, store.files.local.files, now)]
}
