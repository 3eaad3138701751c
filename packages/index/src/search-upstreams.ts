import { BackgroundWork } from './background-work.ts'
import type { Clock } from './clock.ts'
import type { IndexConfig } from './index-config.ts'
import { BACKGROUND_GRACE_MS } from './limits.ts'
import type { NamesConfig } from './names/authority.ts'
import { readMeaning } from './names/served-names.ts'
import type { CurrentProjects } from './publish/current-projects.ts'
import type { Publishing } from './publish/leave-to-server.ts'
import { Offers } from './releases/offers.ts'
import type { SearchResult } from './releases/offers.ts'
import { Refresh } from './releases/refresh.ts'
import type { Store } from './store/store.ts'
import { upstreamDefaults } from './upstream/config.ts'
import type { UpstreamConfig } from './upstream/config.ts'
import { openUpstream } from './upstream/upstream.ts'
import type { Upstream } from './upstream/upstream.ts'

interface SearchParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly current: CurrentProjects
  readonly publisher: Publishing
}

/** Asks the upstreams for one name, in order, for a command that has no server's connections: as a server would. */
export async function searchUpstreams(
  config: Pick<IndexConfig, 'upstreams' | 'offline'>,
  parts: SearchParts,
  name: string,
): Promise<SearchResult> {
  const { store, clock, names, current } = parts
  await using opened = new AsyncDisposableStack()
  let trouble: unknown
  const onBackgroundFailure = (error: unknown): void => {
    trouble = error
  }
  const background = opened.use(new BackgroundWork({ graceMs: BACKGROUND_GRACE_MS, onLate: () => undefined }))
  const upstreams = new Map<string, Upstream>()
  for (const upstream of await servedUpstreams(store, config.upstreams)) {
    upstreams.set(upstream.name, opened.use(openUpstream(upstream, { clock })))
  }
  const absent = new Map<string, never>()
  const unasked = config.offline ? { unasked: 'offline' as const } : {}
  const refresh = new Refresh({ ...parts, upstreams, absent, background, ...unasked })
  // Whoever decides wants to know what holds now.
  const freshFor = (): number => 0
  const offers = new Offers({ clock, names, current, refresh, absent, freshFor, onBackgroundFailure, ...unasked })
  const result = await offers.search(name)
  if (trouble !== undefined) throw trouble
  return result
}

/** Those of the configuration; of others that the server was started with, what it noted of them. */
async function servedUpstreams(
  store: Store,
  configured: readonly UpstreamConfig[],
): Promise<readonly UpstreamConfig[]> {
  const noted = (await readMeaning(store))?.upstreams ?? []
  const isOther = ({ name, url }: UpstreamConfig): boolean =>
    noted.some((one) => one.name === name && one.url !== undefined && one.url !== url)
  const known = configured.filter((one) => !isOther(one))
  const more = noted.flatMap(({ name, url }) =>
    url === undefined || known.some((one) => one.name === name) ? [] : [upstreamDefaults(name, url)],
  )
  return [...known, ...more]
}
