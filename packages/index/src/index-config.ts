import { join } from 'node:path'
import {
  COLLECT_EVERY_HOURS,
  DEFAULT_MAX_FILE_SIZE,
  DEFAULT_MAX_PROJECT_SIZE,
  GARBAGE_GRACE_HOURS,
  SENTINEL_EVERY_HOURS,
  SUPERSEDED_HOURS,
} from './limits.ts'
import { OPEN_DEFAULT } from './names/default-policy.ts'
import type { DefaultPolicy } from './names/default-policy.ts'
import type { RetentionPolicy } from './keeping/retention.ts'
import { CLAIM_DEFAULTS } from './names/claim-policy.ts'
import type { ClaimPolicy } from './names/claim-policy.ts'
import type { OwnFolder } from './own-files.ts'
import type { UploadPolicy } from './releases/upload-checks.ts'
import type { SentinelConfig } from './sentinel/start-sentinel.ts'
import type { StoreOptions } from './store/store.ts'
import type { LogConfig } from './telemetry/log.ts'
import type { UpstreamConfig } from './upstream/config.ts'
import type { WebhookConfig } from './webhooks/webhook-config.ts'
import { signingKeysIn } from './publish/online-keys.ts'
import type { SigningKeys } from './publish/online-keys.ts'

/** Everything an index can be told; see `indexDefaults`. */
export interface IndexConfig {
  /** The folder that holds everything: `waxseal.db`, `blobs/` and `spool/`. */
  readonly dataDir: string
  readonly database: StoreOptions
  /** In the order in which an undecided name is looked for. */
  readonly upstreams: readonly UpstreamConfig[]
  /** Granted name prefixes, in normal form. */
  readonly prefixes: readonly string[]
  /** What holds for names that nobody claimed. */
  readonly policy: DefaultPolicy
  readonly reading: 'public' | 'private'
  /** How new names come to be. */
  readonly claims: ClaimPolicy
  readonly uploads: UploadPolicy
  readonly retention: RetentionPolicy
  readonly sentinel: SentinelConfig
  readonly webhooks: readonly WebhookConfig[]
  /** Where each key is that the server signs with. */
  readonly signing: SigningKeys
  /** Where clients reach the index, when a proxy stands before it. */
  readonly publicUrl?: string
  /** Addresses or networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly accelRedirect?: string
  /** The documentation's site, empty where it has not been built; served at `/docs/`. */
  readonly docs?: OwnFolder
  /** The first administrator's token, instead of one that is made and told once. */
  readonly adminToken?: string
  readonly log: LogConfig
  /** Who may read `/metrics`; absent: everybody, or where reading needs a token whoever may read. */
  readonly metrics?: 'public' | 'token' | 'off'
  readonly version: string
  /** Nothing is changed: no upload, no administration, nothing taken over from upstreams; the data folder may be read-only. */
  readonly readOnly: boolean
  /** A restored index is served although it was served otherwise before: with other upstreams, prefixes or reading. */
  readonly acceptRestored: boolean
  /** No upstream is asked; what is kept is served, and uploads to names of this index are taken. */
  readonly offline: boolean
}

/** A configuration for `dataDir` with every setting at its default but `settings`. */
export function indexDefaults(
  dataDir: string,
  settings: Partial<Omit<IndexConfig, 'dataDir' | 'claims' | 'uploads' | 'retention' | 'sentinel' | 'log'>> & {
    readonly claims?: Partial<ClaimPolicy>
    readonly uploads?: Partial<UploadPolicy>
    readonly retention?: Partial<RetentionPolicy>
    readonly sentinel?: Partial<SentinelConfig>
    readonly log?: Partial<LogConfig>
  } = {},
): IndexConfig {
  return {
    dataDir,
    database: { kind: 'sqlite', path: join(dataDir, 'waxseal.db') },
    upstreams: [],
    prefixes: [],
    policy: OPEN_DEFAULT,
    webhooks: [],
    reading: 'public',
    trustedProxies: [],
    version: '0.0.0',
    readOnly: false,
    offline: false,
    acceptRestored: false,
    signing: signingKeysIn(dataDir),
    ...settings,
    claims: { ...CLAIM_DEFAULTS, ...settings.claims },
    log: { level: 'info', format: 'auto', requests: true, ...settings.log },
    uploads: {
      maxFileSize: DEFAULT_MAX_FILE_SIZE,
      maxProjectSize: DEFAULT_MAX_PROJECT_SIZE,
      linuxTags: true,
      localVersions: true,
      privateClassifiers: true,
      ...settings.uploads,
    },
    retention: {
      graceHours: GARBAGE_GRACE_HOURS,
      supersededHours: SUPERSEDED_HOURS,
      everyHours: COLLECT_EVERY_HOURS,
      ...settings.retention,
    },
    sentinel: { everyHours: SENTINEL_EVERY_HOURS, except: [], ...settings.sentinel },
  }
}
