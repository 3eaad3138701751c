import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWheel } from '../test/support/python-projects.ts'
import type { Distribution } from '../test/support/python-projects.ts'
import { startWaxseal } from '../test/support/server.ts'
import type { RunningServer } from '../test/support/server.ts'
import { uploadFile } from '../test/support/upload-form.ts'
import type { Nginx } from './nginx.ts'
import { startNginx } from './nginx.ts'
import { startUpstream } from './upstream.ts'
import type { Upstream } from './upstream.ts'
import { prepareWrk } from './wrk.ts'

/** How long it all may take. */
export interface Effort {
  /** Rounds of every comparison; each side is measured once a round, in turn. */
  readonly rounds: number
  readonly seconds: number
  /** Single requests a round, for times of single requests. */
  readonly samples: number
}

export const FULL: Effort = { rounds: 7, seconds: 2, samples: 60 }
export const QUICK: Effort = { rounds: 1, seconds: 1, samples: 10 }

/** A running index, a second one on the same data behind nginx, and an upstream before both. */
export interface Scene extends AsyncDisposable {
  readonly effort: Effort
  readonly folder: string
  readonly wrkScript: string
  readonly config: string
  readonly upstream: Upstream
  readonly ours: RunningServer
  /** Hands its stored files to nginx (`accel-redirect`). */
  readonly behindNginx: RunningServer
  readonly nginx: Nginx
  readonly small: Distribution
  readonly large: Distribution
}

/** The page of 3,000 files. */
export const LARGE_PROJECT = 'large-page'
const LARGE_PAGE_FILES = 3_000
const SMALL_FILE = 10_000
export const LARGE_FILE = 20_000_000

/** A wheel whose module is `size` random hexadecimal characters. */
export function wheelOf(name: string, version: string, size: number): Distribution {
  return buildWheel({ name, version, module: randomBytes(size / 2).toString('hex') })
}

export async function upload(server: RunningServer, file: Distribution): Promise<void> {
  const { status, reason } = await uploadFile(server, file)
  if (status !== 200) throw new Error(`upload: ${status} ${reason}`)
}

export async function openScene(effort: Effort): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-bench-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const wrkScript = prepareWrk(folder)
  const upstream = await startUpstream()
  opened.defer(() => upstream.stop())
  const dataDir = join(folder, 'data')
  // A page that is refreshed in the middle of a run would be measured with its refresh in one round only.
  const settings = `[upstream.simulated]\nurl = "${upstream.url}/simple/"\nrefresh-seconds = 86400\n`
  const config = join(folder, 'waxseal.toml')
  const accelConfig = join(folder, 'accel.toml')
  await writeFile(config, settings)
  await writeFile(accelConfig, `accel-redirect = "/blobs/"\n${settings}`)
  const ours = opened.use(await startWaxseal({ dataDir, args: ['--config', config] }))
  const behindNginx = opened.use(await startWaxseal({ dataDir, args: ['--config', accelConfig] }))
  const nginx = await startNginx(folder, { url: behindNginx.url, blobs: join(dataDir, 'blobs') })
  opened.defer(() => nginx.stop())

  const small = wheelOf('small-page', '1.0', SMALL_FILE)
  for (const version of ['0.8', '0.9']) await upload(ours, wheelOf('small-page', version, SMALL_FILE))
  await upload(ours, small)
  const large = wheelOf('large-file', '1.0', LARGE_FILE)
  await upload(ours, large)
  const files = await upstream.add({ names: [LARGE_PROJECT], files: LARGE_PAGE_FILES, size: 64 })
  const [first] = files
  // Its first download decides the name; before that no page is final.
  if (first !== undefined) {
    await (await fetch(`${ours.url}/simple/${LARGE_PROJECT}/`)).arrayBuffer()
    await (await fetch(`${ours.url}/files/${LARGE_PROJECT}/${first.sha256}/${first.filename}`)).arrayBuffer()
  }
  const kept = opened.move()
  return {
    effort,
    folder,
    wrkScript,
    config,
    upstream,
    ours,
    behindNginx,
    nginx,
    small,
    large,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

export function filePath({ name, sha256, filename }: Distribution): string {
  return `/files/${name}/${sha256}/${filename}`
}
