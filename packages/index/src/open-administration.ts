import { hostname } from 'node:os'
import { join } from 'node:path'
import type { SignerContext } from '@waxseal/trust'
import type { Logger } from 'pino'
import type { BlobStore } from './blobs/blob-store.ts'
import { openDirectoryBlobStore } from './blobs/directory-blob-store.ts'
import { onDisk } from './blobs/durable.ts'
import { makeFolders } from './blobs/make-folders.ts'
import type { BodyStore } from './blobs/recent-blobs.ts'
import { RecentBlobs } from './blobs/recent-blobs.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { IndexError } from './error.ts'
import type { IndexConfig } from './index-config.ts'
import { onlyOfFolder, refuseOtherIndex } from './keeping/bound-folder.ts'
import type { CollectOptions, Collection } from './keeping/collect-garbage.ts'
import type { Diagnosis, DoctorOptions } from './keeping/doctor.ts'
import { refuseUnfinishedRestore, removeRestored } from './keeping/restore-place.ts'
import { PUBLISH_FENCED_RETRIES, RECENT_BODIES_SIZE } from './limits.ts'
import type { NamesConfig } from './names/authority.ts'
import { LiveNames } from './names/live-names.ts'
import type { ConfiguredNames } from './names/live-names.ts'
import { readServedNames } from './names/served-names.ts'
import type { Ceremonies } from './publish/ceremonies.ts'
import { ceremonyBegun, refuseBesideCeremony } from './publish/ceremony-folder.ts'
import { ceremonyTurn } from './publish/ceremony-turn.ts'
import { CurrentProjects } from './publish/current-projects.ts'
import { leavingToServer } from './publish/leave-to-server.ts'
import type { Publishing } from './publish/leave-to-server.ts'
import type { PendingSeals, SealSelection } from './publish/pending-seals.ts'
import { newestSnapshot, Publisher } from './publish/publisher.ts'
import type { PublishedBatch } from './publish/publisher.ts'
import { initialiseSigning } from './publish/initialise-signing.ts'
import type { FirstKeys, FirstRoot } from './publish/initialise-signing.ts'
import { makeOnlineKeys, signerContext } from './publish/online-keys.ts'
import { openSigned } from './publish/open-signed.ts'
import type { RepositorySize } from './publish/role-table.ts'
import type { SignedRepository } from './publish/signed-repository.ts'
import { isSigned } from './publish/trust-settings.ts'
import { Management } from './releases/management.ts'
import type { Upgraded } from './store/bring-up-to-date.ts'
import { refuseBesideServer } from './store/running-nodes.ts'
import type { Look } from './sentinel/look-at-upstream.ts'
import type { SentinelRun } from './sentinel/run-sentinel.ts'
import type { Store } from './store/store.ts'
import type { Webhooks } from './webhooks/webhooks.ts'
import { isUniqueViolation, openReadOnlyStore, openStore } from './store/store.ts'
import { errorChain } from './telemetry/error-chain.ts'
import { reportingStore } from './telemetry/events.ts'
import type { EventSink } from './telemetry/events.ts'
import type { IndexStatusParts } from './telemetry/index-status.ts'
import { openTelemetry } from './telemetry/telemetry.ts'

/** How an index is signed for the first time. */
export interface FirstSigning {
  readonly size: RepositorySize
  /** Asked for when nothing stands in the way any more. */
  readonly offlineKeys: () => Promise<FirstKeys['offline']>
}

/** What `openIndex` may be given instead of the machine's own. */
export interface IndexEffects {
  readonly clock?: Clock
  /** Gives the offline keys of an index that holds nothing yet, which is then signed from its first page on. */
  readonly signNew?: FirstSigning
  /** Where keys and their secrets may stand that are configured so. They are taken out of it. */
  readonly env?: NodeJS.ProcessEnv
  /** Told why a command's change could not be published by it, nor within a while by a server: the first that starts does it. */
  readonly onLeft?: (problem: string) => void
  /** Takes the lines of the log, in place of standard error. */
  readonly writeLine?: (line: string) => void
}

/** The store with what administrators do to it: all that a command beside a running server needs. */
export interface Administration extends AsyncDisposable {
  readonly store: Store
  readonly clock: Clock
  readonly management: Management
  /** Frees what is not needed, by the configuration's `retention`. */
  collectGarbage(options?: CollectOptions): Promise<Collection>
  readonly blobs: BlobStore
  /**
   * Signs an index that is not signed, empty or not, and changes nothing else of it. One process at a time: two would both make
   * the server's keys.
   * @throws IndexError `conflict` where it is signed, in use, or a ceremony has begun; TrustError where a key cannot be used
   */
  sign(first: FirstSigning): Promise<FirstRoot>
  /** Looks at the project lists of the upstreams now. @throws IndexError `conflict` while a server does */
  watchUpstreams(run: SentinelRun): Promise<readonly Look[]>
  webhooks(): Promise<Webhooks>
  /** Looks at everything that is kept, and mends it when told to. */
  examine(options?: DoctorOptions): Promise<Diagnosis>
  /** Ceremonies of those who hold the offline keys. */
  ceremonies(): Promise<Ceremonies>
  /** What a seal would bring out now. */
  pendingSeals(selection: SealSelection): Promise<PendingSeals>
  /** For `readIndexStatus`. */
  readonly statusParts: IndexStatusParts
}

/** What a server and a command have in common. */
export interface Core {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly current: CurrentProjects
  readonly publisher: Publisher
  /** Undefined while the index is not signed. */
  readonly signed: SignedRepository | undefined
  readonly signerContext: SignerContext
  readonly blobs: Awaited<ReturnType<typeof openDirectoryBlobStore>>
  readonly bodies: BodyStore
  /** Undoes, in reverse order, whatever was opened. */
  readonly opened: AsyncDisposableStack
}

/** Host and process. */
const PUBLISHER = `${hostname()}/${process.pid}`

/** Opens the database and the blobs of an index, and what publishes. Throws as `openIndex`. */
export async function openCore(
  config: IndexConfig,
  clock: Clock,
  told: { readonly log: Logger; readonly sink: EventSink; readonly onPublished?: (batch: PublishedBatch) => void },
  mode: 'apply' | 'refuse' | 'read-only',
  namesOf: (store: Store, configured: ConfiguredNames) => Promise<ConfiguredNames>,
  { signNew, env = process.env }: Pick<IndexEffects, 'signNew' | 'env'> = {},
): Promise<Core> {
  await using opened = new AsyncDisposableStack()
  await onDisk(() => refuseUnfinishedRestore(config.dataDir))
  const readOnly = mode === 'read-only'
  if (!readOnly) {
    await onDisk(async () => {
      makeFolders(config.dataDir, 0o700)
      await removeRestored(config.dataDir)
    })
  }
  const onUpgraded = (upgraded: Upgraded) => told.log.info({ upgraded }, 'the database was brought up to date')
  const database = await (mode === 'read-only'
    ? openReadOnlyStore(config.database)
    : openStore(config.database, { clock, earlier: mode, onUpgraded, ...onlyOfFolder(config.dataDir) }))
  const store = reportingStore(opened.use(database), told.sink)
  await refuseOtherIndex(config.dataDir, store.db)
  const blobs = await openDirectoryBlobStore(join(config.dataDir, 'blobs'), undefined, { readOnly })
  const bodies = new RecentBlobs(blobs, RECENT_BODIES_SIZE)
  const upstreams = config.upstreams.map(({ name }) => name)
  const configured = await namesOf(store, { prefixes: config.prefixes, upstreams, policy: config.policy })
  const names = await LiveNames.open(() => store.db, configured)
  const current = new CurrentProjects(store, names, clock)
  const context = signerContext(clock, env)
  if (signNew !== undefined && !readOnly && (await isUnused(store)) && !(await ceremonyBegun(config.dataDir))) {
    await signFirst(config, { store, blobs, clock, signerContext: context }, signNew).catch(async (error: unknown) => {
      // Another first start was faster: this one serves what that has signed.
      if (!(await isSigned(store.db))) throw error
    })
  }
  const signed = await openSigned({ store, clock, keys: config.signing, context })
  const publisher = new Publisher({
    store,
    bodies,
    clock,
    names,
    signed,
    publisher: PUBLISHER,
    onPublished: (_snapshot, projects, batch) => {
      current.forget(projects)
      told.onPublished?.(batch)
    },
    onUnpublishable: (project, error) =>
      told.log.error({ err: errorChain(error), project }, 'a page cannot be written; it stays as it was'),
    onDamagedBins: (bins, error) =>
      told.log.error(
        { err: errorChain(error), bins: [...bins] },
        'signed metadata was damaged, and is made anew from its pages',
      ),
  })
  const parts = { store, clock, names, current, publisher, signed, signerContext: context, blobs, bodies }
  return { ...parts, opened: opened.move() }
}

/** Opens what commands need that work on the data folder itself, beside a running server or without one. */
export async function openAdministration(config: IndexConfig, effects: IndexEffects = {}): Promise<Administration> {
  await using telemetry = new AsyncDisposableStack()
  // A command says itself what it did.
  const quiet = { ...config, log: { ...config.log, level: 'error' as const } }
  const core = await openCore(
    config,
    effects.clock ?? systemClock,
    telemetry.use(openTelemetry(quiet, effects.writeLine)),
    // Only a server, or `waxseal upgrade`, moves a database to another version: not a look at it.
    'refuse',
    // What the server was told on its command line holds for a command beside it too.
    async (opened, configured) => (await readServedNames(opened)) ?? configured,
    effects,
  )
  const { opened, ...rest } = core
  telemetry.use(opened)
  const { store, clock, names, current } = rest
  const publisher = leavingToServer(rest.publisher, store, { onLeft: effects.onLeft ?? (() => undefined) })
  const { claims } = config
  const parts = { store, clock, names, claims, current, publisher }
  const search = async (project: string) => {
    const { searchUpstreams } = await import('./search-upstreams.ts')
    return await searchUpstreams(config, parts, project)
  }
  const management = new Management({ ...parts, search })
  const kept = telemetry.move()
  return {
    ...administrationOf(config, { ...rest, management, publisher, signing: rest.publisher }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** What brings changes out, and what signs again what a look found wrong. */
interface Publishers {
  readonly publisher: Publishing
  readonly signing: Publisher
}

/** What administrators do, on an open index. */
export function administrationOf(
  config: IndexConfig,
  core: Omit<Core, 'opened' | 'publisher'> & Publishers & { readonly management: Management },
): Omit<Administration, typeof Symbol.asyncDispose> {
  const { store, clock, management, blobs, names, publisher, signed, signing, signerContext: context } = core
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
  const examined = { store, blobs, clock, names, publisher, signed, signing, dataDir, upstreams }
  return {
    store,
    clock,
    management,
    blobs,
    statusParts: { store, clock, database: config.database, dataDir, version: config.version },
    async sign(first) {
      await refuseBesideServer(store.db, clock)
      if (await isSigned(store.db)) throw new IndexError('conflict', 'This index is signed already.')
      return await signFirst(config, core, first)
    },
    async ceremonies() {
      const { Ceremonies } = await import('./publish/ceremonies.ts')
      const { recordSeals } = await import('./publish/record-seals.ts')
      const keys = config.signing
      let opened = core.signed
      const openAgain = async () => (opened ??= await openSigned({ store, clock, keys, context }))
      const open = { openSigned: openAgain, context, by: PUBLISHER }
      return new Ceremonies({ store, blobs, clock, dataDir, keys, publisher: signing, ...open, record: recordSeals })
    },
    async pendingSeals(selection) {
      const { pendingSeals } = await import('./publish/pending-seals.ts')
      return await pendingSeals({ store, clock, names }, selection)
    },
    // Loaded when it is asked for: a server seldom or never is.
    async collectGarbage(options) {
      const { collectGarbage } = await import('./keeping/collect-garbage.ts')
      return await collectGarbage(collecting, options)
    },
    async watchUpstreams(run) {
      const { runSentinel } = await import('./sentinel/run-sentinel.ts')
      const { openUpstream } = await import('./upstream/upstream.ts')
      const watched = names.upstreams.filter((name) => !config.sentinel.except.includes(name))
      await using opened = new AsyncDisposableStack()
      // A server may have been told of others on its command line, whose addresses and credentials it alone knows.
      const ours = config.upstreams.filter(({ name }) => watched.includes(name))
      const asked = ours.map((upstream) => opened.use(openUpstream(upstream, { clock })))
      return await runSentinel({ store, clock, names, upstreams: asked, watched }, run)
    },
    async webhooks() {
      const { Webhooks } = await import('./webhooks/webhooks.ts')
      return new Webhooks({ store, clock, dataDir: config.dataDir, context }, config.webhooks)
    },
    async examine({ askUpstreams = !config.offline, ...options } = {}) {
      const { examine } = await import('./keeping/doctor.ts')
      return await examine(examined, { askUpstreams, ...options })
    },
  }
}

async function signFirst(
  { dataDir, signing }: IndexConfig,
  { store, blobs, clock, signerContext: context }: Pick<Core, 'store' | 'blobs' | 'clock' | 'signerContext'>,
  { size, offlineKeys }: FirstSigning,
): Promise<FirstRoot> {
  using _turn = await ceremonyTurn(dataDir)
  await refuseBesideCeremony(dataDir)
  // Before there are keys that signed nothing, and somebody keeps them.
  if (await isSigned(store.db)) throw new IndexError('conflict', 'This index is signed already.')
  // Those of the server first: where one cannot be used, nobody has to keep keys that signed nothing.
  const online = await makeOnlineKeys(dataDir, signing, context)
  const offline = await offlineKeys()
  const parts = { store, blobs, clock, publisher: PUBLISHER }
  for (let tried = 1; ; tried += 1) {
    try {
      return await initialiseSigning(parts, size, { offline, online })
    } catch (error) {
      // A command beside this one took the number.
      if (!isUniqueViolation(error) || tried > PUBLISH_FENCED_RETRIES) throw error
    }
  }
}

/** Whether nothing was ever done in this index: nobody made, nothing published. */
async function isUnused({ db }: Store): Promise<boolean> {
  if ((await newestSnapshot({ db })) > 0) return false
  return (await db.selectFrom('user').select('name').limit(1).executeTakeFirst()) === undefined
}
