import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressOf, until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { seeded } from '../support/seeded.ts'
import type { Seeded } from '../support/seeded.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage, auditBlobs, spooledFiles } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { SimulatedFile, Simulator } from '../support/upstream-simulator.ts'
import { Ledger } from './ledger.ts'

const ROUNDS = process.env['WAXSEAL_NIGHTLY'] === undefined ? 12 : 200
const UPLOADERS = 4
const COLD_FILE = 200_000

/** What is counted until the moment of the kill, and how far at most. */
const MOMENTS = [
  ['upload begun', 12],
  ['upload acknowledged', 8],
  ['chunk received', 20],
  ['yank begun', 4],
  ['yank acknowledged', 3],
] as const
type Moment = (typeof MOMENTS)[number][0]

interface Scene {
  readonly random: Seeded
  readonly ledger: Ledger
  readonly upstream: Simulator
  count: number
}

void test(`kill -9 at ${ROUNDS} random moments: what was acknowledged stays, nothing half-written is seen`, async (t) => {
  const random = seeded(process.env['WAXSEAL_CRASH_SEED'])
  await using parts = new AsyncDisposableStack()
  const upstream = parts.use(await startSimulator())
  const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-crash-'))
  parts.defer(() => rm(dataDir, { recursive: true, force: true }))
  const scene: Scene = { random, ledger: new Ledger(), upstream, count: 0 }
  const options = { dataDir, upstreams: new Map([['sim', upstream.simpleUrl]]) }
  let server = parts.adopt(await startWaxseal(options), async (last) => await last.kill9())
  for (let round = 1; round <= ROUNDS; round++) {
    const [moment, most] = random.pick(MOMENTS)
    const nth = 1 + random.below(most)
    try {
      await mixUntil(server, scene, moment, nth)
      server = parts.adopt(await startWaxseal(options), async (last) => await last.kill9())
      assert.deepEqual(await spooledFiles(dataDir), [], 'the spool is empty after a start')
      await scene.ledger.verify(server.url, dataDir)
      for (const file of scene.ledger.unanswered.values()) {
        const again = await upload(server, file)
        assert.equal(again.status, 200, `${file.filename}, never answered, again: ${again.reason}`)
        scene.ledger.acknowledged(file)
      }
      await auditOnceSwept(dataDir)
      assertNoServerFault(server)
    } catch (error) {
      const how = `round ${round}, killed at the ${nth}th "${moment}"; WAXSEAL_CRASH_SEED=${random.seed}`
      throw new Error(`${how}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
  await scene.ledger.verify(server.url, dataDir)
  t.diagnostic(`${scene.ledger.counts}; seed ${random.seed}`)
})

/** Uploads, cold downloads and yanks side by side, until the moment has come and the server is gone. */
async function mixUntil(server: RunningServer, scene: Scene, moment: Moment, nth: number): Promise<void> {
  const { ledger, random, upstream } = scene
  let seen = 0
  let dead: Promise<void> | undefined
  const happened = (what: Moment): void => {
    if (what === moment) seen += 1
    if (seen >= nth) dead ??= server.kill9()
  }
  const isDead = (): boolean => dead !== undefined
  const uploader = async (): Promise<void> => {
    while (!isDead()) {
      const file = newWheel(scene)
      ledger.unanswered.set(file.filename, file)
      const answer = upload(server, file)
      happened('upload begun')
      const { status, reason } = await answer
      if (status === 0) return
      assert.equal(status, 200, reason)
      ledger.acknowledged(file)
      happened('upload acknowledged')
    }
  }
  const downloader = async (): Promise<void> => {
    while (!isDead()) {
      const project = `cold-${(scene.count += 1)}`
      const file: SimulatedFile = {
        filename: `${project.replace('-', '_')}-1.0-py3-none-any.whl`,
        bytes: Buffer.alloc(COLD_FILE, random.bytes(997)),
      }
      upstream.addProject({ name: project, files: [file] })
      const page = await ask(`${server.url}/simple/${project}/`)
      ledger.sawSnapshot(page.headers['waxseal-snapshot'])
      const reply = await ask(`${server.url}${addressOf(project, file)}`, { onData: () => happened('chunk received') })
      if (reply.status === 200 && reply.complete) assert.deepEqual(reply.body, file.bytes)
    }
  }
  const yanker = async (): Promise<void> => {
    while (!isDead()) {
      const file = ledger.uploads.findLast((candidate) => !ledger.isYanked(candidate))
      if (file === undefined) {
        await ask(`${server.url}/-/health`)
        continue
      }
      const reason = `for no reason ${random.below(1000)}`
      const answer = ask(`${server.url}/api/v1/projects/${file.name}/releases/${file.version}/yank`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ reason }),
      })
      happened('yank begun')
      const { status, reason: phrase } = await answer
      if (status === 0) return
      assert.equal(status, 200, phrase)
      ledger.acknowledgedYank(file, reason)
      happened('yank acknowledged')
    }
  }
  await Promise.all([...Array.from({ length: UPLOADERS }, uploader), downloader(), downloader(), yanker()])
  await dead
}

function newWheel(scene: Scene): Distribution {
  const { random } = scene
  const name = `crash-${random.below(5)}`
  const module = `X = '${random.bytes(20).toString('hex')}'\n${'#'.repeat(random.below(200_000))}`
  return buildWheel({ name, version: `1.${(scene.count += 1)}`, module })
}

function upload(server: RunningServer, file: Distribution): Promise<Reply> {
  const { body, contentType } = multipart(file)
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType }
  return ask(`${server.url}/legacy/`, { method: 'POST', headers, body })
}

/** What the dead process left half-written among the blobs goes in the background. */
async function auditOnceSwept(dataDir: string): Promise<void> {
  await until(
    () =>
      auditBlobs(dataDir).then(
        () => true,
        () => false,
      ),
    (sound) => sound,
  )
  await assertSoundStorage(dataDir)
}
