import type { Clock } from '../clock.ts'
import { CENSUS_MAX_AGE_MS } from '../limits.ts'
import { newestSnapshot } from '../publish/publisher.ts'
import { readLists } from '../sentinel/read-sentinel.ts'
import { readWebhooks } from '../webhooks/read-webhooks.ts'
import type { Store, StoreOptions } from '../store/store.ts'
import { takeCensus } from './census.ts'
import type { Metrics } from './metrics.ts'
import { readBackupNotes } from './backup-notes.ts'
import { recent } from './recent.ts'
import { readDatabaseSize, readDisk, readGarbage, readWaiting } from './store-facts.ts'

/** Has `metrics` tell about the database and the disk, by looking when somebody scrapes. */
export function readStore(
  metrics: Metrics,
  parts: { readonly store: Store; readonly clock: Clock; readonly database: StoreOptions; readonly dataDir: string },
): void {
  const { store, clock, database, dataDir } = parts
  const census = recent(CENSUS_MAX_AGE_MS, () => takeCensus(store.db))
  metrics.read(async (point) => {
    const { changes, oldestSeconds } = await readWaiting(store, clock)
    point('waxseal_journal_waiting', changes)
    point('waxseal_journal_oldest_seconds', oldestSeconds)
    point('waxseal_snapshot', await newestSnapshot(store))
    point('waxseal_garbage_files', await readGarbage(store))
    const backup = (await readBackupNotes(store, clock)).lastBackup
    if (backup !== null) point('waxseal_backup_last_timestamp_seconds', Date.parse(backup.at) / 1000)
  })
  metrics.read(async (point) => point('waxseal_database_bytes', await readDatabaseSize(store, database)))
  metrics.read(async (point) => {
    const { freeBytes, sizeBytes } = await readDisk(dataDir)
    point('waxseal_disk_free_bytes', freeBytes)
    point('waxseal_disk_size_bytes', sizeBytes)
  })
  metrics.read(async (point) => {
    for (const { name, behind, failing } of await readWebhooks(store)) {
      point('waxseal_webhook_behind', behind, name)
      point('waxseal_webhook_failing', failing ? 1 : 0, name)
    }
  })
  metrics.read(async (point) => {
    for (const { upstream, readAt, names, findings } of await readLists(store)) {
      if (readAt === null) continue
      point('waxseal_upstream_list_timestamp_seconds', Date.parse(readAt) / 1000, upstream)
      point('waxseal_upstream_list_names', names, upstream)
      for (const [kind, count] of Object.entries(findings)) point('waxseal_upstream_findings', count, upstream, kind)
    }
  })
  metrics.read(async (point) => {
    const { files, projects } = await census()
    for (const source of ['local', 'upstream'] as const) {
      point('waxseal_store_files', files[source].files, source)
      point('waxseal_store_bytes', files[source].bytes, source)
    }
    for (const [authority, count] of Object.entries(projects)) point('waxseal_projects', count, authority)
  })
}
