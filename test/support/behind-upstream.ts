import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from './raw-http.ts'
import type { AskOptions, Reply } from './raw-http.ts'
import type { RunningServer } from './server.ts'
import { startWaxseal } from './server.ts'
import { sha256Of, startSimulator } from './upstream-simulator.ts'
import type { SimulatedFile, Simulator } from './upstream-simulator.ts'

/** Keys of one `[upstream.NAME]` table of the configuration file. */
export type UpstreamSettings = Readonly<Record<string, string | number | readonly string[]>>

/** Every request asks the upstream again, so that a fault and its end show at once; a silent upstream is given up soon. */
export const IMPATIENT: UpstreamSettings = {
  'refresh-seconds': 0,
  'negative-seconds': 0,
  'first-byte-timeout-seconds': 1,
  'max-file-size': 4 * 1024 ** 2,
}

/** One entry of a JSON page. */
export interface ListedFile {
  readonly filename: string
  readonly url: string
  readonly hashes: Readonly<Record<string, string>>
  readonly size?: number
  readonly yanked: boolean | string
  readonly 'requires-python'?: string
  readonly 'upload-time'?: string
  readonly 'core-metadata'?: boolean | Readonly<Record<string, string>>
  readonly provenance?: string | null
}

export interface ListedPage {
  readonly meta: { readonly 'api-version': string }
  readonly files: readonly ListedFile[]
  readonly versions: readonly string[]
  readonly 'project-status'?: { readonly status: string; readonly reason?: string }
  readonly _waxseal: { readonly snapshot: number; readonly prev: string | null }
}

/** A real server with simulated upstreams behind it. */
export interface Behind extends AsyncDisposable {
  readonly server: RunningServer
  /** The first upstream. */
  readonly upstream: Simulator
  readonly upstreams: ReadonlyMap<string, Simulator>
  /** Any path of the server. */
  ask(path: string, options?: AskOptions): Promise<Reply>
  /** A project's page as JSON. */
  page(project: string): Promise<Reply & { readonly listed: ListedPage | undefined }>
  file(project: string, file: Pick<SimulatedFile, 'filename' | 'bytes'>, options?: AskOptions): Promise<Reply>
}

/** The address of a file of these bytes. */
export const addressOf = (project: string, file: Pick<SimulatedFile, 'filename' | 'bytes'>): string =>
  `/files/${project}/${sha256Of(file.bytes)}/${file.filename}`

/** Starts a server whose configuration file names one simulator per entry, in order. */
export async function startBehind(
  settings: Readonly<Record<string, UpstreamSettings>> = { sim: IMPATIENT },
  dataDir?: string,
): Promise<Behind> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-behind-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstreams = new Map<string, Simulator>()
  let config = ''
  for (const [name, keys] of Object.entries(settings)) {
    const simulator = parts.use(await startSimulator())
    upstreams.set(name, simulator)
    const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    config += `[upstream.${name}]\nurl = ${JSON.stringify(simulator.simpleUrl)}\n${lines.join('')}`
  }
  const path = join(folder, 'waxseal.toml')
  await writeFile(path, config)
  const options = { args: ['--config', path], ...(dataDir === undefined ? {} : { dataDir }) }
  const server = parts.use(await startWaxseal(options))
  const [upstream] = upstreams.values()
  if (upstream === undefined) throw new Error('a server behind no upstream')
  const kept = parts.move()
  const behind: Behind = {
    server,
    upstream,
    upstreams,
    ask: (path, options) => ask(`${server.url}${path}`, options),
    async page(project) {
      const reply = await behind.ask(`/simple/${project}/`, {
        headers: { accept: 'application/vnd.pypi.simple.v1+json' },
      })
      const listed = reply.status === 200 ? (JSON.parse(reply.body.toString()) as ListedPage) : undefined
      return { ...reply, listed }
    },
    file: (project, file, options) => behind.ask(addressOf(project, file), options),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
  return behind
}

/** Asks again until the answer is as wanted, as a client would (a circuit has to close); the last answer in any case. */
export async function until<T>(question: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const end = performance.now() + 30_000
  for (;;) {
    const answer = await question()
    if (wanted(answer) || performance.now() > end) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
