import { join } from 'node:path'
import { DirectoryState, TrustClient, TrustError } from '@waxseal/trust/client'
import type { LimitedFetchOptions } from '@waxseal/trust/client'
import { authorizationOf } from './credentials.ts'
import { ALL_DEFENCES } from './defences.ts'
import type { Defences } from './defences.ts'
import { DenyLists } from './deny-lists.ts'
import { unverified } from './failures.ts'
import { FileCache } from './file-cache.ts'
import type { GuardHome } from './guard-home.ts'
import { Keeping } from './keeping.ts'
import { Origin } from './origin.ts'
import { Pins } from './pins.ts'
import { RunReport } from './run-report.ts'
import type { Refusal, ReportDocument } from './run-report.ts'
import { PolicyReader } from './signed-policy.ts'
import { SignedState } from './signed-state.ts'
import type { StoredIndex } from './trusted-indexes.ts'
import { VerifiedIndex } from './verified-index.ts'

export interface OpenGuardOptions {
  readonly home: GuardHome
  readonly trusted: StoredIndex
  /** The user's environment: proxies on the way to the index are taken from it. */
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Nothing is asked of the network: what was verified before has to do, until it expires. */
  readonly offline?: boolean
  /** Source archives are kept back. */
  readonly wheelsOnly?: boolean
  /** Dependencies that name an address past any index are left alone. */
  readonly allowDirectUrls?: boolean
  /** The program will ask for the files that it chooses: they are fetched while it still chooses others. */
  readonly installs?: boolean
  /** Most bytes that the cache keeps. */
  readonly cacheBytes?: number | undefined
  readonly onRefusal?: (refusal: Refusal) => void
  readonly defences?: Defences
  readonly pace?: Pick<LimitedFetchOptions, 'minBytesPerSecond' | 'slowStartMs'>
}

/** A guard of one trusted index, not yet reachable for programs. */
export interface Guard extends AsyncDisposable {
  readonly index: VerifiedIndex
  readonly trusted: StoredIndex
  readonly report: RunReport
  readonly cache: FileCache
  /** Brings what is trusted up to date. @throws GuardError */
  refresh(): Promise<void>
  /** Until all that was seen is written down, as of one snapshot. */
  kept(): Promise<void>
  document(): ReportDocument
  /** How many names were seen so far, and how many files of them. */
  pinned(): { readonly projects: number; readonly files: number }
}

/** Opens what is trusted and what is kept. Nothing is asked of the network. @throws GuardError */
export async function openGuard(options: OpenGuardOptions): Promise<Guard> {
  const { home, trusted, env, now, offline = false, defences = ALL_DEFENCES } = options
  const { wheelsOnly = false, allowDirectUrls = false, installs = false } = options
  await using opening = new AsyncDisposableStack()
  const cache = await FileCache.open({
    folder: home.cache,
    rehash: defences.has('cache-rehash'),
    ...(options.cacheBytes === undefined ? {} : { maxBytes: options.cacheBytes }),
  })
  const pins = opening.use(new Pins(join(trusted.folder, 'pins.sqlite')))
  const authorization = offline ? undefined : await authorizationOf(trusted.folder, trusted.url, trusted.token)
  const origin = opening.use(
    new Origin({
      url: trusted.url,
      authorization,
      env,
      ...(defences.has('pace')
        ? options.pace === undefined
          ? {}
          : { pace: options.pace }
        : { pace: { minBytesPerSecond: 0 } }),
    }),
  )
  const client = await openClient(trusted, origin, now)
  const report = new RunReport(now, options.onRefusal)
  const state = new SignedState({ url: trusted.url, client, report, defences, offline })
  const keeping = new Keeping(report)
  const source = { client, cache, origin, offline }
  const { decisions: seen } = pins
  const index = new VerifiedIndex({
    ...source,
    state,
    seen,
    policies: new PolicyReader(source, seen),
    denyLists: new DenyLists(source, seen),
    pins,
    keeping,
    report,
    now,
    defences,
    wheelsOnly,
    allowDirectUrls,
    installs,
  })
  opening.defer(() => keeping.done())
  opening.use(index)
  const parts = opening.move()
  return {
    index,
    trusted,
    report,
    cache,
    refresh: () => index.refresh(),
    kept: async () => {
      await index.complete()
      await keeping.done()
    },
    document: () => report.document({ index: trusted.url, root: trusted.root }, client.snapshot, client.issued, now()),
    pinned: () => pins.count(),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

async function openClient(trusted: StoredIndex, origin: Origin, now: () => number): Promise<TrustClient> {
  try {
    const state = await DirectoryState.open(join(trusted.folder, 'state'))
    return await TrustClient.open({ state, remote: origin.remote, now })
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`What is kept of ${trusted.url}`, error)
    throw error
  }
}
