import { join } from 'node:path'
import { TrustError } from '@waxseal/trust'
import type { Logger } from 'pino'
import { createAuthenticator } from './access/authenticator.ts'
import { ensureFirstAdmin } from './access/first-admin.ts'
import { systemRandom } from './access/random.ts'
import { BackgroundWork } from './background-work.ts'
import { sweepParts } from './blobs/leftovers.ts'
import { closedSpool, openSpool } from './blobs/spool.ts'
import { systemClock } from './clock.ts'
import { IndexError, isFull, isOwnFailure } from './error.ts'
import { BufferPool } from './http/buffer-pool.ts'
import { clientAddressBehind, trustedProxies } from './http/client-address.ts'
import type { TrustedProxies } from './http/client-address.ts'
import type { ConnectionWatch } from './http/connection-watch.ts'
import { DocsSite } from './http/docs-site.ts'
import type { FilesParts } from './http/files-route.ts'
import type { Handler } from './http/handler.ts'
import { createHandler } from './http/handler.ts'
import { RepresentationCache } from './http/representation-cache.ts'
import { immutableFor } from './http/send-file.ts'
import { SmallFiles } from './http/small-files.ts'
import type { IndexConfig } from './index-config.ts'
import { bindFolder } from './keeping/bound-folder.ts'
import { startCollecting } from './keeping/collect-regularly.ts'
import {
  BACKGROUND_GRACE_MS,
  FILE_POOL_SIZE,
  NEGATIVE_CACHE_ENTRIES,
  PAGE_CACHE_BYTES,
  RENEWAL_INTERVAL_MS,
  TUF_CACHE_BYTES,
  VERIFICATION_FIRST_MS,
  VERIFICATION_INTERVAL_MS,
  SMALL_FILES_SIZE,
  STRAY_JOURNAL_INTERVAL_MS,
  TALLY_FLUSH_MS,
} from './limits.ts'
import { refuseOtherMeaning, saveServedNames } from './names/served-names.ts'
import { observeIndex, watchPublishing } from './observe-index.ts'
import type { WatchedCertificate } from './observe-index.ts'
import { administrationOf, openCore } from './open-administration.ts'
import type { Administration, IndexEffects } from './open-administration.ts'
import { pendingRaise } from './publish/pending-raise.ts'
import { PageBodies } from './publish/page-bodies.ts'
import type { SignedRepository } from './publish/signed-repository.ts'
import { TufFiles } from './publish/tuf-files.ts'
import { repeating } from './repeating.ts'
import { Downloads } from './releases/downloads.ts'
import { Hashing } from './releases/hashing.ts'
import { createInspector } from './releases/inspect-upload.ts'
import { Management } from './releases/management.ts'
import { Offers } from './releases/offers.ts'
import { ProjectLists } from './releases/project-list.ts'
import { ProjectMetadata } from './releases/project-metadata.ts'
import { Refresh } from './releases/refresh.ts'
import type { Unasked } from './releases/unasked.ts'
import { startSentinel } from './sentinel/start-sentinel.ts'
import type { Store } from './store/store.ts'
import { isUnavailable } from './store/store.ts'
import { errorChain } from './telemetry/error-chain.ts'
import { openTelemetry } from './telemetry/telemetry.ts'
import { FillTable } from './upstream/fill.ts'
import { NegativeCache } from './upstream/negative-cache.ts'
import { openUpstream } from './upstream/upstream.ts'
import type { Upstream } from './upstream/upstream.ts'

/** An index, ready to answer requests. Disposing of it waits for what it is still writing. */
export interface Index extends Administration {
  readonly handler: Handler
  readonly log: Logger
  /**
   * Makes the first administrator where there is none and no `adminToken` is configured. The text of its token, which
   * only who calls this first gets: to be called when it can be shown, not before.
   */
  firstAdministrator(): Promise<string | undefined>
  /** Records that the server answers; at its end it records that, too. */
  announceStart(): void
  /** From now on `/-/ready` says no, so that load balancers send nothing new here; everything else is still answered. */
  announceStop(): void
  /** Has metrics, status and events tell of the TLS certificate. */
  watchCertificate(certificate: WatchedCertificate): void
  /** Has log and metrics tell of the connections of whoever listens for this index. */
  readonly connections: ConnectionWatch
  /** Its signed side; undefined while it is not signed. */
  readonly signed: SignedRepository | undefined
  /** Whether `trustedProxies` holds this address. */
  isTrustedProxy(address: string): boolean
}

/**
 * Opens an index on its data folder. Whatever a crash left unpublished is published before the first answer, unless the
 * disk is full or the database locked just then: what is published is served all the same, the rest follows.
 *
 * @throws IndexError `config-invalid`, `storage-failed`, `storage-full`, `database-busy`
 */
export async function openIndex(config: IndexConfig, effects: IndexEffects = {}): Promise<Index> {
  await using opened = new AsyncDisposableStack()
  const telemetry = opened.use(openTelemetry(config, effects.writeLine))
  const { log } = telemetry
  const told = { ...telemetry, onPublished: watchPublishing(telemetry.metrics) }
  const { readOnly } = config
  const unasked: { readonly unasked?: Unasked } = readOnly
    ? { unasked: 'read-only' }
    : config.offline
      ? { unasked: 'offline' }
      : {}
  const mode = readOnly ? 'read-only' : 'apply'
  const core = await openCore(
    config,
    effects.clock ?? systemClock,
    told,
    mode,
    async (opened, configured) => {
      const { prefixes, reading, policy } = config
      const meaning = { prefixes, upstreams: config.upstreams.map(({ name, url }) => ({ name, url })), reading, policy }
      if (!config.acceptRestored) await refuseOtherMeaning(opened, meaning)
      if (!readOnly) {
        await afterTrouble(log, () => bindFolder(config.dataDir, opened))
        await afterTrouble(log, () => saveServedNames(opened, effects.clock ?? systemClock, meaning))
      }
      return configured
    },
    effects,
  )
  opened.use(core.opened)
  const { store, clock, names, current, publisher, signed, blobs, bodies } = core
  if (readOnly) await refuseUnraised(store)
  const away = readOnly ? [] : ((await signed?.checkKeys()) ?? [])
  // Waited for right before the database closes: what is opened from here on has been ended by then, and begins nothing.
  const background = opened.use(
    new BackgroundWork({
      graceMs: BACKGROUND_GRACE_MS,
      onLate: (count) => log.warn({ count }, 'the end does not wait any longer for background work'),
    }),
  )
  const search = (project: string) => offers.search(project)
  const management = new Management({ claims: config.claims, store, clock, names, current, publisher, search })
  const administration = administrationOf(config, { ...core, management, signing: core.publisher })
  const proxies = trustedProxiesOf(config)
  // Where nobody is asked there is no way out at all.
  const asked = unasked.unasked === undefined ? config.upstreams : []
  const observed = opened.use(
    observeIndex(config, { telemetry, asked, proxies, background, statusParts: administration.statusParts }),
  )
  const spool = opened.use(readOnly ? closedSpool : await openSpool(join(config.dataDir, 'spool')))
  const authenticator = createAuthenticator(store, clock, background, {
    notesUse: !readOnly,
    onBurst: (burst) => observed.noteFailedLogins(burst),
  })
  const fills = new Map<string, FillTable>()
  const upstreams = new Map<string, Upstream>()
  const absent = new Map<string, NegativeCache>()
  for (const upstream of asked) {
    fills.set(upstream.name, new FillTable({ spool, blobs, background }))
    upstreams.set(
      upstream.name,
      opened.use(openUpstream(upstream, { clock, watch: observed.watchUpstream(upstream.name) })),
    )
    const lifetimeMs = upstream.negativeSeconds * 1000
    absent.set(upstream.name, new NegativeCache(clock, { lifetimeMs, limit: NEGATIVE_CACHE_ENTRIES }))
  }
  const onBackgroundFailure = (error: unknown) => log.error({ err: errorChain(error) }, 'background work failed')
  const hashing = new Hashing({ store, clock, publisher, upstreams, fills, background, onBackgroundFailure })
  const refresh = new Refresh({
    store,
    clock,
    names,
    upstreams,
    publisher,
    current,
    absent,
    hashing,
    background,
    ...unasked,
  })
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
    background,
    onBackgroundFailure,
    ...unasked,
  })
  if (!readOnly) {
    const renew = async () => {
      if (signed === undefined) return await publisher.publish()
      await observed.signing.renewing(async () => {
        // Before they are needed: a key that cannot be used is told of now, not when something has ended.
        await signed.signers()
        await publisher.renew()
      })
    }
    // A key service that does not answer was waited for already.
    const waited = new TrustError('signer-failed', away.join('\n'))
    const first = away.length === 0 ? renew : () => observed.signing.renewing(() => Promise.reject(waited))
    // What a restored index still has from its backup must not go out: clients have seen newer.
    await ((await pendingRaise(store.db)) === undefined ? afterTrouble(log, first) : first())
    opened.use(
      repeating(() => publisher.publish(), { everyMs: STRAY_JOURNAL_INTERVAL_MS }, background, {
        onFailure: (error) =>
          log.error({ err: errorChain(error) }, 'publishing failed; it is tried again until it works'),
        onRecovery: () => log.info('publishing works again'),
      }),
    )
    opened.use(
      repeating(renew, { everyMs: RENEWAL_INTERVAL_MS }, background, {
        onFailure: (error) =>
          log.error({ err: errorChain(error) }, 'signatures could not be renewed; it is tried again until it works'),
        onRecovery: () => log.info('signatures are renewed again'),
      }),
    )
    opened.defer(() => observed.tally.flush().catch(onBackgroundFailure))
    opened.use(
      repeating(() => observed.tally.flush(), { everyMs: TALLY_FLUSH_MS }, background, {
        onFailure: onBackgroundFailure,
        onRecovery: () => log.info('it can be noted again who downloads what'),
      }),
    )
    if (signed !== undefined) {
      const told = {
        onFailure: (error: unknown) =>
          log.error({ err: errorChain(error) }, 'what is published does not verify: run waxseal doctor'),
        onRecovery: () => log.info('what is published verifies again'),
      }
      const rhythm = { everyMs: VERIFICATION_INTERVAL_MS, firstMs: VERIFICATION_FIRST_MS }
      opened.use(repeating((ended) => signed.verifyWhole(ended), rhythm, background, told))
    }
    await sweepParts(config.dataDir).catch(onBackgroundFailure)
    const sweeping = new AbortController()
    opened.defer(() => sweeping.abort())
    void background.add(blobs.sweepLeftovers({ until: sweeping.signal }).catch(onBackgroundFailure))
    if (upstreams.size > 0) {
      const { except } = config.sentinel
      const watched = names.upstreams.filter((name) => !except.includes(name))
      const lists = Array.from(upstreams.values()).filter((upstream) => watched.includes(upstream.config.name))
      const looking = { store, clock, names, upstreams: lists, watched }
      opened.use(
        startSentinel(looking, config.sentinel, background, {
          onFailure: (error) => log.error({ err: errorChain(error) }, 'the lists of upstreams cannot be watched'),
          onRecovery: () => log.info('the lists of upstreams are watched again'),
        }),
      )
    }
    if (config.webhooks.length > 0) {
      const { startWebhooks } = await import('./webhooks/start-webhooks.ts')
      const sending = { store, clock, dataDir: config.dataDir, context: core.signerContext }
      opened.use(
        startWebhooks(sending, config.webhooks, background, {
          onFailure: (error) => log.error({ err: errorChain(error) }, 'events cannot be sent to a webhook'),
          onRecovery: () => log.info('events are sent to webhooks again'),
        }),
      )
    }
    opened.use(startCollecting({ config, store, clock, log, background, onFailure: onBackgroundFailure }))
  }
  await observed.signing.remind().catch(onBackgroundFailure)
  opened.use(
    repeating(() => observed.signing.remind(), { everyMs: RENEWAL_INTERVAL_MS }, background, {
      onFailure: onBackgroundFailure,
      onRecovery: () => log.info('it can be seen again how long signatures hold'),
    }),
  )
  observed.watchFills(fills)
  const visibility = config.reading
  const presence = (project: string) => offers.presence(project)
  const pageBodies = new PageBodies({ store, bodies, clock, names, publisher, onDamage: onBackgroundFailure })
  const pages = new RepresentationCache({ maxBytes: PAGE_CACHE_BYTES })
  const files: FilesParts = {
    downloads,
    buffers: new BufferPool(FILE_POOL_SIZE),
    small: new SmallFiles(SMALL_FILES_SIZE),
    visibility,
    ...(config.accelRedirect === undefined ? {} : { accelRedirect: config.accelRedirect }),
  }
  const handler = createHandler({
    authenticator,
    reading: config.reading,
    readOnly,
    clientAddress: clientAddressBehind(proxies),
    simple: {
      bodies: pageBodies,
      offers,
      lists: new ProjectLists(store, current, names),
      pages,
      names,
      current,
    },
    files,
    tuf: {
      metadata: new TufFiles(store),
      bodies: pageBodies,
      files,
      current: pages,
      immutable: new RepresentationCache({
        maxBytes: TUF_CACHE_BYTES,
        cacheControl: immutableFor(visibility),
        vary: 'Accept-Encoding',
      }),
    },
    upload: {
      uploads: {
        store,
        blobs,
        clock,
        names,
        claims: config.claims,
        policy: config.uploads,
        inspect: createInspector(),
        presence,
      },
      spool,
      publisher,
    },
    documents: {
      read: { store, clock, names, current },
      offers,
      management,
      metadata: new ProjectMetadata(blobs),
      reading: config.reading,
      version: config.version,
      modes: observed.modes,
      ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    },
    docs: config.docs === undefined ? undefined : await DocsSite.open(config.docs),
    requests: observed.requests,
    operation: observed.operation,
    background,
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
    announceStart: () => observed.announceStart(),
    announceStop: () => observed.announceStop(),
    watchCertificate: (certificate) => observed.watchCertificate(certificate),
    connections: observed.connections,
    signed,
    isTrustedProxy: proxies.has,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Who cannot sign must not show what only signing anew makes right. */
async function refuseUnraised(store: Store): Promise<void> {
  if ((await pendingRaise(store.db)) === undefined) return
  throw new IndexError(
    'storage-failed',
    'This index was restored, and everything in it has to be published again first: start a server on it once that may write and has its keys.',
  )
}

/** A start does without what only a full disk or a locked database prevents: it is made up for later. */
async function afterTrouble(log: Logger, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    // A key service that is down keeps nobody from installing; signatures hold for hours or days.
    const passes =
      error instanceof TrustError ||
      isFull(error) ||
      isUnavailable(error) ||
      (error instanceof IndexError && isOwnFailure(error))
    if (!passes) throw error
    log.error({ err: errorChain(error) }, 'the start goes on without writing; what is published is served')
  }
}

function trustedProxiesOf(config: IndexConfig): TrustedProxies {
  const trusted = trustedProxies(config.trustedProxies)
  if (trusted.kind === 'proxies') return trusted.proxies
  throw new IndexError('config-invalid', `trusted-proxies: "${trusted.entry}" is neither an address nor a network.`)
}
