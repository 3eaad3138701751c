import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OPERATOR } from '../../packages/index/src/access/actor.ts'
import { createToken } from '../../packages/index/src/access/tokens.ts'
import { createUser } from '../../packages/index/src/access/users.ts'
import { listenOn } from '../../packages/index/src/http/listen.ts'
import { indexDefaults } from '../../packages/index/src/index-config.ts'
import { openIndex } from '../../packages/index/src/open-index.ts'
import type { Index } from '../../packages/index/src/open-index.ts'
import { upstreamDefaults } from '../../packages/index/src/upstream/config.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const YEAR = 365 * 24 * HOUR
export const PASSWORD = 'correct horse battery'

/** An index in this process, over real HTTP, with an upstream and a clock that only the test moves. */
export interface ClockedIndex extends AsyncDisposable {
  readonly upstream: Simulator
  readonly url: string
  readonly index: Index
  /** The first administrator's. */
  readonly token: string
  now: number
  ask(path: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  versions(project: string): Promise<readonly string[]>
  /** Ends the index and opens it again on the same folder. */
  restart(): Promise<void>
}

export async function startClocked(dataDir?: string): Promise<ClockedIndex> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-clocked-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = parts.use(await startSimulator())
  const state = { now: Date.parse('2026-11-24T12:00:00Z') }
  const config = indexDefaults(dataDir ?? join(folder, 'data'), {
    log: { level: 'silent' },
    upstreams: [upstreamDefaults('sim', upstream.simpleUrl, { firstByteTimeoutMs: 1000 })],
  })
  const start = async () => {
    await using opened = new AsyncDisposableStack()
    const index = opened.use(await openIndex(config, { clock: { now: () => state.now } }))
    const server = opened.use(await listenOn(index.handler, '127.0.0.1', 0))
    return { index, url: server.url, opened: opened.move() }
  }
  let running = await start()
  parts.defer(() => running.opened.disposeAsync())
  const { store, clock } = running.index
  await createUser(store, clock, { name: 'person', admin: true, password: PASSWORD, by: OPERATOR })
  const { token } = await createToken(store, clock, { user: 'person', scope: 'admin', by: OPERATOR })
  const kept = parts.move()
  const self: ClockedIndex = {
    upstream,
    token,
    get url() {
      return running.url
    },
    get index() {
      return running.index
    },
    get now() {
      return state.now
    },
    set now(time) {
      state.now = time
    },
    ask: (path, headers = {}) => ask(`${running.url}${path}`, { headers }),
    async versions(project) {
      const reply = await self.ask(`/simple/${project}/`, { accept: 'application/vnd.pypi.simple.v1+json' })
      if (reply.status !== 200) return [`${reply.status} ${reply.reason}`]
      return (JSON.parse(reply.body.toString()) as { versions: string[] }).versions
    },
    async restart() {
      await running.opened.disposeAsync()
      running = await start()
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
  return self
}
