import { hostname } from 'node:os'
import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { createAuthenticator } from './access/authenticator.ts'
import { ensureFirstAdmin } from './access/first-admin.ts'
import { systemRandom } from './access/random.ts'
import type { BlobStore } from './blobs/blob-store.ts'
import { openDirectoryBlobStore } from './blobs/directory-blob-store.ts'
import { onDisk } from './blobs/durable.ts'
import type { BodyStore } from './blobs/recent-blobs.ts'
import { RecentBlobs } from './blobs/recent-blobs.ts'
import { closedSpool, openSpool } from './blobs/spool.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { IndexError, isFull, isOwnFailure } from './error.ts'
import { BufferPool } from './http/buffer-pool.ts'
import { clientAddressBehind, comesFrom, trustedProxies } from './http/client-address.ts'
import type { TrustedProxies } from './http/client-address.ts'
import { EventsRoute } from './http/events-route.ts'
import { DocsSite } from './http/docs-site.ts'
import type { Handler } from './http/handler.ts'
import { createHandler } from './http/handler.ts'
import { MANAGEMENT_ROUTES } from './http/management-routes.ts'
import { RepresentationCache } from './http/representation-cache.ts'
import { SmallFiles } from './http/small-files.ts'
import {
  COLLECT_EVERY_HOURS,
  DEFAULT_MAX_FILE_SIZE,
  DEFAULT_MAX_PROJECT_SIZE,
  FILE_POOL_SIZE,
  GARBAGE_GRACE_HOURS,
  NEGATIVE_CACHE_ENTRIES,
  PAGE_CACHE_BYTES,
  RECENT_BODIES_SIZE,
  SMALL_FILES_SIZE,
  STRAY_JOURNAL_INTERVAL_MS,
  SUPERSEDED_HOURS,
} from './limits.ts'
import { collectGarbage } from './keeping/collect-garbage.ts'
import type { CollectOptions, Collection } from './keeping/collect-garbage.ts'
import { startCollecting } from './keeping/collect-regularly.ts'
import { examine } from './keeping/doctor.ts'
import type { Diagnosis, DoctorOptions } from './keeping/doctor.ts'
import type { RetentionPolicy } from './keeping/retention.ts'
import { refuseUnfinishedRestore } from './keeping/restore-place.ts'
import type { NamesConfig } from './names/authority.ts'
import { readServedNames, saveServedNames } from './names/served-names.ts'
import { CurrentProjects } from './publish/current-projects.ts'
import { PageBodies } from './publish/page-bodies.ts'
import { Publisher } from './publish/publisher.ts'
import { publishStrays } from './publish/stray-journal.ts'
import type { PublishedBatch } from './publish/publisher.ts'
import { Downloads } from './releases/downloads.ts'
import { Hashing } from './releases/hashing.ts'
import { createInspector } from './releases/inspect-upload.ts'
import { Management } from './releases/management.ts'
import { Offers } from './releases/offers.ts'
import { ProjectLists } from './releases/project-list.ts'
import { ProjectMetadata } from './releases/project-metadata.ts'
import { Refresh } from './releases/refresh.ts'
import type { Unasked } from './releases/unasked.ts'
import type { UploadPolicy } from './releases/upload-checks.ts'
import type { Upgraded } from './store/bring-up-to-date.ts'
import type { Store, StoreOptions } from './store/store.ts'
import { isUnavailable, openReadOnlyStore, openStore } from './store/store.ts'
import { readIndexStatus } from './telemetry/index-status.ts'
import type { IndexStatusParts } from './telemetry/index-status.ts'
import { NodeReport } from './telemetry/node-status.ts'
import { EventNotes } from './telemetry/event-notes.ts'
import { reportingStore } from './telemetry/events.ts'
import type { EventSink } from './telemetry/events.ts'
import type { LogConfig } from './telemetry/log.ts'
import { Readiness } from './telemetry/readiness.ts'
import { RequestLog } from './telemetry/request-log.ts'
import { RequestMetrics } from './telemetry/request-metrics.ts'
import { readStore } from './telemetry/store-metrics.ts'
import { openTelemetry } from './telemetry/telemetry.ts'
import { UpstreamHealth } from './telemetry/upstream-health.ts'
import { errorChain } from './telemetry/error-chain.ts'
import type { UpstreamConfig } from './upstream/config.ts'
import { FillTable } from './upstream/fill.ts'
import { NegativeCache } from './upstream/negative-cache.ts'
import { openUpstream } from './upstream/upstream.ts'
import type { Upstream } from './upstream/upstream.ts'

/** Everything an index can be told; see `indexDefaults`. */
export interface IndexConfig {
  /** The folder that holds everything: `waxseal.db`, `blobs/` and `spool/`. */
  readonly dataDir: string
  readonly database: StoreOptions
  /** In the order in which an undecided name is looked for. */
  readonly upstreams: readonly UpstreamConfig[]
  /** Granted name prefixes, in normal form. */
  readonly prefixes: readonly string[]
  readonly reading: 'public' | 'private'
  readonly uploads: UploadPolicy
  readonly retention: RetentionPolicy
  /** Where clients reach the index, when a proxy stands before it. */
  readonly publicUrl?: string
  /** Addresses or networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly accelRedirect?: string
  /** Where the documentation's built site lies, if it has been built; served at `/docs/`. */
  readonly docsDir?: string
  /** The first administrator's token, instead of one that is made and told once. */
  readonly adminToken?: string
  readonly log: LogConfig
  /** Who may read `/metrics`; absent: everybody, or where reading needs a token whoever may read. */
  readonly metrics?: 'public' | 'token' | 'off'
  readonly version: string
  /** Nothing is changed: no upload, no administration, nothing taken over from upstreams; the data folder may be read-only. */
  readonly readOnly: boolean
  /** No upstream is asked; what is kept is served, and uploads to names of this index are taken. */
  readonly offline: boolean
}

/** A configuration for `dataDir` with every setting at its default but `settings`. */
export function indexDefaults(
  dataDir: string,
  settings: Partial<Omit<IndexConfig, 'dataDir' | 'uploads' | 'retention' | 'log'>> & {
    readonly uploads?: Partial<UploadPolicy>
    readonly retention?: Partial<RetentionPolicy>
    readonly log?: Partial<LogConfig>
  } = {},
): IndexConfig {
  return {
    dataDir,
    database: { kind: 'sqlite', path: join(dataDir, 'waxseal.db') },
    upstreams: [],
    prefixes: [],
    reading: 'public',
    trustedProxies: [],
    version: '0.0.0',
    readOnly: false,
    offline: false,
    ...settings,
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
  }
}

/** What `openIndex` may be given instead of the machine's own. */
export interface IndexEffects {
  readonly clock?: Clock
  readonly log?: Logger
}

/** The store with what administrators do to it: all that a command beside a running server needs. */
export interface Administration extends AsyncDisposable {
  readonly store: Store
  readonly clock: Clock
  readonly management: Management
  /** Frees what is not needed, by the configuration's `retention`. */
  collectGarbage(options?: CollectOptions): Promise<Collection>
  readonly blobs: BlobStore
  /** Looks at everything that is kept, and mends it when told to. */
  examine(options?: DoctorOptions): Promise<Diagnosis>
  /** For `readIndexStatus`. */
  readonly statusParts: IndexStatusParts
}

/** An index, ready to answer requests. Disposing of it waits for what it is still writing. */
export interface Index extends Administration {
  readonly handler: Handler
  readonly log: Logger
  /**
   * Makes the first administrator where there is none and no `adminToken` is configured. The text of its token, which
   * only who calls this first gets: to be called when it can be shown, not before.
   */
  firstAdministrator(): Promise<string | undefined>
  /** From now on `/-/ready` says no, so that load balancers send nothing new here; everything else is still answered. */
  announceStop(): void
  /** Has metrics and status tell when the TLS certificate expires, in milliseconds since the epoch. */
  watchCertificate(expires: () => number | undefined): void
  /** Whether `trustedProxies` holds this address. */
  isTrustedProxy(address: string): boolean
}

interface Core {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly current: CurrentProjects
  readonly publisher: Publisher
  readonly management: Management
  readonly blobs: Awaited<ReturnType<typeof openDirectoryBlobStore>>
  readonly bodies: BodyStore
  /** Undoes, in reverse order, whatever was opened. */
  readonly opened: AsyncDisposableStack
}

async function openCore(
  config: IndexConfig,
  clock: Clock,
  told: { readonly log: Logger; readonly sink: EventSink; readonly onPublished?: (batch: PublishedBatch) => void },
  mode: 'apply' | 'refuse' | 'read-only',
  namesOf: (store: Store, configured: NamesConfig) => Promise<NamesConfig>,
): Promise<Core> {
  await using opened = new AsyncDisposableStack()
  await onDisk(() => refuseUnfinishedRestore(config.dataDir))
  const readOnly = mode === 'read-only'
  if (!readOnly) await onDisk(() => mkdir(config.dataDir, { recursive: true, mode: 0o700 }))
  const onUpgraded = (upgraded: Upgraded) => told.log.info({ upgraded }, 'the database was brought up to date')
  const database = await (mode === 'read-only'
    ? openReadOnlyStore(config.database)
    : openStore(config.database, { clock, earlier: mode, onUpgraded }))
  const store = reportingStore(opened.use(database), told.sink)
  const blobs = await openDirectoryBlobStore(join(config.dataDir, 'blobs'), undefined, { readOnly })
  const bodies = new RecentBlobs(blobs, RECENT_BODIES_SIZE)
  const upstreams = config.upstreams.map(({ name }) => name)
  const names = await namesOf(store, { prefixes: config.prefixes, upstreams })
  const current = new CurrentProjects(store, names)
  const publisher = new Publisher({
    store,
    bodies,
    clock,
    names,
    publisher: `${hostname()}/${process.pid}`,
    onPublished: (_snapshot, projects, batch) => {
      current.forget(projects)
      told.onPublished?.(batch)
    },
    onUnpublishable: (project, error) =>
      told.log.error({ err: errorChain(error), project }, 'a page cannot be written; it stays as it was'),
  })
  const management = new Management({ store, clock, names, current, publisher })
  return { store, clock, names, current, publisher, management, blobs, bodies, opened: opened.move() }
}

/** Opens what commands need that work on the data folder itself, beside a running server or without one. */
export async function openAdministration(config: IndexConfig, effects: IndexEffects = {}): Promise<Administration> {
  await using telemetry = new AsyncDisposableStack()
  // A command says itself what it did.
  const quiet = { ...config, log: { ...config.log, level: 'error' as const } }
  const core = await openCore(
    config,
    effects.clock ?? systemClock,
    telemetry.use(openTelemetry(quiet, effects.log)),
    // Only a server, or `waxseal upgrade`, moves a database to another version: not a look at it.
    'refuse',
    // What the server was told on its command line holds for a command beside it too.
    async (opened, configured) => (await readServedNames(opened)) ?? configured,
  )
  const { opened, ...rest } = core
  telemetry.use(opened)
  const kept = telemetry.move()
  return { ...administrationOf(config, rest), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function administrationOf(
  config: IndexConfig,
  { store, clock, management, blobs, names, publisher }: Omit<Core, 'opened'>,
): Omit<Administration, typeof Symbol.asyncDispose> {
  const collecting = {
    store,
    blobs,
    clock,
    spoolDir: join(config.dataDir, 'spool'),
    policy: config.retention,
    // What retention gives up has to be there to be fetched again.
    upstreams: config.offline ? [] : config.upstreams.map(({ name }) => name),
  }
  const { dataDir, upstreams } = config
  const examined = { store, blobs, clock, names, publisher, dataDir, upstreams }
  return {
    store,
    clock,
    management,
    blobs,
    statusParts: { store, clock, database: config.database, dataDir, version: config.version },
    collectGarbage: (options) => collectGarbage(collecting, options),
    examine: ({ askUpstreams = !config.offline, ...options } = {}) => examine(examined, { askUpstreams, ...options }),
  }
}

/**
 * Opens an index on its data folder. Whatever a crash left unpublished is published before the first answer, unless the
 * disk is full or the database locked just then: what is published is served all the same, the rest follows.
 *
 * @throws IndexError `config-invalid`, `storage-failed`, `storage-full`, `database-busy`
 */
export async function openIndex(config: IndexConfig, effects: IndexEffects = {}): Promise<Index> {
  await using opened = new AsyncDisposableStack()
  const telemetry = opened.use(openTelemetry(config, effects.log))
  const { log, metrics } = telemetry
  const published = metrics.counter('waxseal_publishes_total').of()
  const publishing = metrics.histogram('waxseal_publish_duration_seconds').of()
  const onPublished = ({ pages, ms }: PublishedBatch): void => {
    if (pages > 0) published.value += 1
    publishing.record(ms / 1000)
  }
  const told = { ...telemetry, onPublished }
  const { readOnly } = config
  const unasked: { readonly unasked?: Unasked } = readOnly
    ? { unasked: 'read-only' }
    : config.offline
      ? { unasked: 'offline' }
      : {}
  const mode = readOnly ? 'read-only' : 'apply'
  const core = await openCore(config, effects.clock ?? systemClock, told, mode, async (opened, configured) => {
    if (!readOnly) await afterTrouble(log, () => saveServedNames(opened, configured))
    return configured
  })
  opened.use(core.opened)
  const { store, clock, names, current, publisher, blobs, bodies } = core
  const administration = administrationOf(config, core)
  const { management } = administration
  const notes = opened.use(new EventNotes({ store, clock, log, readOnly }))
  const health: UpstreamHealth[] = []
  const spool = readOnly ? closedSpool : await openSpool(join(config.dataDir, 'spool'))
  const authenticator = opened.use(createAuthenticator(store, clock, { notesUse: !readOnly }))
  const fills = new Map<string, FillTable>()
  const upstreams = new Map<string, Upstream>()
  const absent = new Map<string, NegativeCache>()
  // Where nobody is asked there is no way out at all.
  const asked = unasked.unasked === undefined ? config.upstreams : []
  for (const upstream of asked) {
    const watch = new UpstreamHealth(upstream.name, { clock, notes, metrics })
    health.push(watch)
    fills.set(upstream.name, opened.use(new FillTable({ spool, blobs })))
    upstreams.set(upstream.name, opened.use(openUpstream(upstream, { clock, watch })))
    const lifetimeMs = upstream.negativeSeconds * 1000
    absent.set(upstream.name, new NegativeCache(clock, { lifetimeMs, limit: NEGATIVE_CACHE_ENTRIES }))
  }
  const onBackgroundFailure = (error: unknown) => log.error({ err: errorChain(error) }, 'background work failed')
  const hashing = new Hashing({ store, clock, publisher, upstreams, fills, onBackgroundFailure })
  const refresh = new Refresh({ store, clock, names, upstreams, publisher, current, absent, hashing, ...unasked })
  const freshFor = (upstream: string) => (upstreams.get(upstream)?.config.refreshSeconds ?? 0) * 1000
  const offers = new Offers({ clock, names, current, refresh, absent, freshFor, onBackgroundFailure, ...unasked })
  const downloads = new Downloads({
    store,
    blobs,
    clock,
    current,
    offers,
    publisher,
    upstreams,
    fills,
    onBackgroundFailure,
    ...unasked,
  })
  if (!readOnly) {
    await afterTrouble(log, () => publisher.publish())
    opened.use(
      publishStrays(publisher, STRAY_JOURNAL_INTERVAL_MS, {
        onFailure: (error) =>
          log.error({ err: errorChain(error) }, 'publishing failed; it is tried again until it works'),
        onRecovery: () => log.info('publishing works again'),
      }),
    )
    void blobs.sweepLeftovers().catch(onBackgroundFailure)
    opened.use(startCollecting({ config, store, clock, log, onFailure: onBackgroundFailure }))
  }
  readStore(metrics, { store, clock, database: config.database, dataDir: config.dataDir })
  metrics.read((point) => {
    for (const [upstream, table] of fills) point('waxseal_fills_running', table.size, upstream)
  })
  const modes = [...(readOnly ? (['read-only'] as const) : []), ...(config.offline ? (['offline'] as const) : [])]
  let certificateExpires = (): number | undefined => undefined
  metrics.read((point) => {
    const expires = certificateExpires()
    if (expires !== undefined) point('waxseal_certificate_expiry_timestamp_seconds', expires / 1000)
  })
  const report = readOnly
    ? undefined
    : opened.use(
        new NodeReport({
          store,
          clock,
          metrics,
          version: config.version,
          upstreams: () => health.map(({ state }) => state),
          certificateExpires: () => certificateExpires(),
        }),
      )
  const events = new EventsRoute(store)
  const readiness = new Readiness(
    {
      store,
      clock,
      blobsDir: join(config.dataDir, 'blobs'),
      dataDir: config.dataDir,
      readOnly,
      modes,
      upstreams: () => health.map(({ state }) => state),
      writeFailure: () => report?.failure,
    },
    metrics,
  )
  const visibility = config.reading
  const presence = (project: string) => offers.presence(project)
  const proxies = trustedProxiesOf(config)
  const handler = createHandler({
    authenticator,
    reading: config.reading,
    readOnly,
    clientAddress: clientAddressBehind(proxies),
    simple: {
      bodies: new PageBodies({ store, bodies, clock, names, publisher, onDamage: onBackgroundFailure }),
      offers,
      lists: new ProjectLists(store, current, names),
      pages: new RepresentationCache({ maxBytes: PAGE_CACHE_BYTES }),
    },
    files: {
      downloads,
      buffers: new BufferPool(FILE_POOL_SIZE),
      small: new SmallFiles(SMALL_FILES_SIZE),
      visibility,
      ...(config.accelRedirect === undefined ? {} : { accelRedirect: config.accelRedirect }),
    },
    upload: {
      uploads: { store, blobs, clock, names, policy: config.uploads, inspect: createInspector(), presence },
      spool,
      publisher,
    },
    documents: {
      read: { store, names, current },
      offers,
      management,
      metadata: new ProjectMetadata(blobs),
      reading: config.reading,
      version: config.version,
      modes,
      ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    },
    docs: config.docsDir === undefined ? undefined : await DocsSite.open(config.docsDir),
    requests: new RequestLog({
      log,
      metrics: new RequestMetrics(metrics),
      requests: config.log.requests,
      management: ['/events', '/status', ...MANAGEMENT_ROUTES.map(({ path }) => path)],
      clientAddress: clientAddressBehind(proxies),
      fromProxy: comesFrom(proxies),
    }),
    operation: {
      readiness,
      metrics,
      metricsAccess: config.metrics ?? (config.reading === 'public' ? 'public' : 'token'),
      version: config.version,
      events,
      status: () => readIndexStatus(administration.statusParts),
    },
  })
  const { adminToken } = config
  if (adminToken !== undefined && !readOnly) {
    await ensureFirstAdmin(store, clock, systemRandom, { token: adminToken })
  }
  const kept = opened.move()
  const firstAdministrator = async () =>
    adminToken === undefined && !readOnly ? ensureFirstAdmin(store, clock, systemRandom) : undefined
  return {
    ...administration,
    handler,
    log,
    firstAdministrator,
    announceStop() {
      readiness.stopping()
      events.stop()
    },
    watchCertificate: (expires) => void (certificateExpires = expires),
    isTrustedProxy: proxies.has,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A start does without what only a full disk or a locked database prevents: it is made up for later. */
async function afterTrouble(log: Logger, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const passes = isFull(error) || isUnavailable(error) || (error instanceof IndexError && isOwnFailure(error))
    if (!passes) throw error
    log.error({ err: errorChain(error) }, 'the start goes on without writing; what is published is served')
  }
}

function trustedProxiesOf(config: IndexConfig): TrustedProxies {
  const trusted = trustedProxies(config.trustedProxies)
  if (trusted.kind === 'proxies') return trusted.proxies
  throw new IndexError('config-invalid', `trusted-proxies: "${trusted.entry}" is neither an address nor a network.`)
}
