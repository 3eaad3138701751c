import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Agent } from 'node:http'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import { carryKeys } from '../support/carry-keys.ts'
import type { ListedPage } from '../support/behind-upstream.ts'
import { wantedClients } from '../support/clients.ts'
import type { Distribution } from '../support/python-projects.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { RunningServer } from '../support/server.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { Stops } from '../support/stopping-command.ts'
import { stoppingCommand } from '../support/stopping-command.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

const NIGHTLY = process.env['WAXSEAL_NIGHTLY'] !== undefined
const PROJECTS = 8
/** PostgreSQL's transactions give way to each other: a busy machine keeps up with less. */
const PER_SECOND = { SQLite: 50, PostgreSQL: 20 }
const CLIENTS = 64
/** How often an upload is sent again that was refused because others had the database for seconds. */
const TRIES = 4
/** Before the backup begins, each time that it stands still, and after it has ended. */
const UPLOADS_BEFORE = 50
const UPLOADS_AT_STOP = 2
const UPLOADS_AFTER = 25
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

interface Report {
  readonly backup: string
  readonly snapshot: number
  readonly blobs: { readonly count: number; readonly missing: number }
  readonly copied: { readonly count: number }
}

interface Diagnosis {
  readonly findings: readonly { readonly code: string }[]
  readonly checked: { readonly references: number; readonly pages: number; readonly decisions: number }
}

interface Case {
  readonly database: 'SQLite' | 'PostgreSQL'
  readonly dest: 'backups' | 'backup.tar'
  readonly stops: Stops
}

/** Within the one state of the rows; when they are written; among the blobs. */
const FOLDER_STOPS = [/\.unfinished-\d+\/file\.ndjson/, /\/blobs\.ndjson/, /\/blobs\/..\/..\/\.part-/]
const TAR_STOPS = [/\.unfinished\/file\.ndjson/, /\/blobs\.ndjson/, /\/backup\.tar$/]

const CASES: readonly Case[] = [
  // A transaction of SQLite's ends in the turn of the event loop in which it began: whoever is awake holds no lock.
  { database: 'SQLite', dest: 'backups', stops: { at: FOLDER_STOPS, everyMs: 100 } },
  // The same state in another container: at night.
  ...(NIGHTLY ? ([{ database: 'SQLite', dest: 'backup.tar', stops: { at: TAR_STOPS, everyMs: 100 } }] as const) : []),
  { database: 'PostgreSQL', dest: 'backups', stops: { at: FOLDER_STOPS } },
]

suite(
  'a backup beside 50 uploads a second holds none of them up, and restored elsewhere has every one from before',
  () => {
    let postgres: PostgresServer
    before(async () => void (postgres = await startEmbeddedPostgres()))
    after(() => postgres[Symbol.asyncDispose]())

    for (const { database, dest: name, stops } of CASES) {
      test(`on ${database}, as ${name}`, async (t) => {
        const folder = await mkdtemp(join(tmpdir(), 'waxseal-backup-load-'))
        t.after(() => rm(folder, { recursive: true, force: true }))
        const [dest, restored] = [join(folder, name), join(folder, 'restored')]
        const fresh = async () => (database === 'SQLite' ? {} : { WAXSEAL_DATABASE: await postgres.createDatabase() })
        const [env, restoredEnv] = [await fresh(), await fresh()]
        const serve = (dataDir: string, more: Record<string, string>) =>
          startWaxseal({ args: ['--no-upstream'], dataDir, env: more })
        await using server = await serve(join(folder, 'data'), env)

        await using load = startUploads(server, PER_SECOND[database])
        await load.reached(UPLOADS_BEFORE)
        const acknowledgedBefore = [...load.acknowledged]
        let stopped = 0
        const printed = await stoppingCommand(
          ['backup', dest, '--data', server.dataDir, '--json'],
          stops,
          async () => {
            stopped += 1
            await load.sentAndAcknowledged(UPLOADS_AT_STOP)
          },
          env,
        )
        const report = JSON.parse(printed) as Report
        const during = load.acknowledged.length - acknowledgedBefore.length
        const { acknowledged, perSecond } = await load.endAfter(UPLOADS_AFTER)
        assertNoServerFault(server)
        assert.equal(report.blobs.missing, 0)
        assert.ok(stopped >= stops.at.length, `${stopped} stops`)
        assert.ok(during >= stopped * UPLOADS_AT_STOP, `${during} uploads beside it`)

        const first = await firstSnapshots(server)
        const inIt = acknowledged.filter((file) => (first.get(file.filename) ?? Infinity) <= report.snapshot)
        t.diagnostic(
          `${perSecond.toFixed(1)} uploads a second, ${acknowledged.length} acknowledged, ${during} while the backup ran and ` +
            `stopped ${stopped} times; snapshot ${report.snapshot} of it has ${inIt.length}`,
        )
        assert.ok(inIt.length < acknowledged.length, 'uploads went on after it')

        await carryKeys(server.dataDir, restored)
        await runWaxseal(['restore', dest, '--data', restored], restoredEnv)
        await assertSoundStorage(restored)
        const doctor = await runWaxseal(['doctor', '--data', restored, '--json'], restoredEnv)
        const { findings, checked } = JSON.parse(doctor) as Diagnosis
        assert.deepEqual(findings, [])
        assert.ok(checked.references >= report.blobs.count, JSON.stringify(checked))
        assert.ok(checked.pages === PROJECTS && checked.decisions >= PROJECTS, JSON.stringify(checked))
        await using copy = await serve(restored, restoredEnv)
        const shown = await listedFiles(copy)
        for (const file of [...acknowledgedBefore, ...inIt])
          assert.equal(shown.get(file.filename)?.sha256, file.sha256, file.filename)
        await assertServed(shown)
        const [last] = await uploadedTo(copy, buildWheel({ name: 'load-0', version: '9999' }))
        assert.equal(last, 200, 'the restored index takes uploads, with a token of the old one')
        if (database === 'SQLite' && name === 'backups') await assertInstalls(copy, folder)

        const known = new Set(name === 'backups' ? await poolOf(dest) : [])
        await runWaxseal(['backup', 'verify', dest])
        if (name !== 'backups') return
        const next = JSON.parse(await runWaxseal(['backup', dest, '--data', server.dataDir, '--json'], env)) as Report
        const added = (await poolOf(dest)).filter((one) => !known.has(one))
        assert.equal(next.copied.count, added.length)
        assert.ok(next.blobs.count > next.copied.count && next.copied.count > 0, JSON.stringify(next))
        for (const id of [report.backup, next.backup]) await runWaxseal(['backup', 'verify', dest, '--backup', id])
      })
    }
  },
)

/** Every file and its metadata, byte for byte. */
async function assertServed(shown: Awaited<ReturnType<typeof listedFiles>>): Promise<void> {
  for (const { url, sha256, metadata } of shown.values()) {
    for (const [address, digest] of [
      [url, sha256],
      [`${url}.metadata`, metadata],
    ] as const) {
      const reply = await ask(address)
      assert.equal(sha256Of(reply.body), digest, `${address}: ${reply.status}`)
    }
  }
}

async function assertInstalls(copy: RunningServer, folder: string): Promise<void> {
  if (process.env['CI']) assert.ok(wantedClients('pip').every(({ client }) => client !== undefined))
  for (const { client } of wantedClients('pip')) {
    if (client === undefined) continue
    const target = join(folder, client.generation)
    const outcome = await client.run(
      ['install', 'load-0', 'load-1', '--target', target, '--index-url', `${copy.url}/simple/`],
      { cwd: folder },
    )
    assert.equal(outcome.code, 0, outcome.stderr)
    assert.match(await readFile(join(target, 'load_0.py'), 'utf8'), /9999/)
  }
}

async function uploadedTo(
  server: RunningServer,
  file: Distribution,
  agent?: Agent,
): Promise<readonly [number, string]> {
  const { body, contentType } = multipart(file)
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType }
  const options = { method: 'POST', headers, body, ...(agent === undefined ? {} : { agent }) }
  const { status, reason } = await ask(`${server.url}/legacy/`, options)
  return [status, reason]
}

/** Sends small wheels by an absolute schedule, as long as not all clients wait for an answer, until told to end. */
function startUploads(server: RunningServer, rate: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const start = performance.now()
  const acknowledged: Distribution[] = []
  const answers: Promise<void>[] = []
  const told = new EventEmitter<{ acknowledged: [place: number] }>()
  let end = Infinity
  const send = async (file: Distribution, place: number): Promise<void> => {
    let [status, reason] = await uploadedTo(server, file, agent)
    for (let tried = 1; status === 503 && tried < TRIES; tried += 1)
      [status, reason] = await uploadedTo(server, file, agent)
    assert.equal(status, 200, `${file.filename}: ${reason}`)
    acknowledged.push(file)
    told.emit('acknowledged', place)
  }
  const running = (async () => {
    for (let tick = 0; answers.length < end; tick += 1) {
      await delay(Math.max(0, start + (tick * 1000) / rate - performance.now()))
      const place = answers.length
      if (place - acknowledged.length >= CLIENTS) continue
      const answer = send(buildWheel({ name: `load-${place % PROJECTS}`, version: `1.${place}` }), place)
      answer.catch(() => (end = 0))
      answers.push(answer)
    }
    await Promise.all(answers)
  })()
  running.catch(() => undefined)
  /** Resolves with the `count`th acknowledgement of an upload that is sent at `from` or later; rejects when one fails. */
  const acknowledgements = async (count: number, from: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let seen = 0
    const note = (place: number): void => {
      if (place >= from && (seen += 1) === count) resolve()
    }
    told.on('acknowledged', note)
    await Promise.race([promise, running]).finally(() => told.off('acknowledged', note))
  }
  return {
    acknowledged,
    reached: (count: number) => acknowledgements(count, 0),
    sentAndAcknowledged: (count: number) => acknowledgements(count, answers.length),
    /** Ends when so many more have been sent. */
    async endAfter(count: number) {
      end = answers.length + count
      await running
      return { acknowledged, perSecond: (acknowledged.length * 1000) / (performance.now() - start) }
    },
    async [Symbol.asyncDispose]() {
      end = 0
      await Promise.allSettled([running])
      agent.destroy()
    },
  }
}

/** The snapshot in which each file was listed first, out of every page that the index ever published. */
async function firstSnapshots(server: RunningServer): Promise<ReadonlyMap<string, number>> {
  const first = new Map<string, number>()
  for (let at = 0; at < PROJECTS; at += 1) {
    let { body } = await ask(`${server.url}/simple/load-${at}/`, { headers: { accept: JSON_TYPE } })
    for (;;) {
      const page = JSON.parse(body.toString()) as ListedPage
      const { snapshot, prev } = page._waxseal
      for (const { filename } of page.files) first.set(filename, snapshot)
      if (prev === null) break
      body = await readFile(join(server.dataDir, 'blobs', prev.slice(0, 2), prev.slice(2, 4), prev))
    }
  }
  return first
}

async function listedFiles(server: RunningServer) {
  const files = new Map<string, { readonly url: string; readonly sha256: string; readonly metadata: string }>()
  for (let at = 0; at < PROJECTS; at += 1) {
    const base = `${server.url}/simple/load-${at}/`
    const { body } = await ask(base, { headers: { accept: JSON_TYPE } })
    for (const file of (JSON.parse(body.toString()) as ListedPage).files) {
      const metadata = typeof file['core-metadata'] === 'object' ? (file['core-metadata']['sha256'] ?? '') : ''
      files.set(file.filename, { url: new URL(file.url, base).href, sha256: file.hashes['sha256'] ?? '', metadata })
    }
  }
  return files
}

async function poolOf(dest: string): Promise<readonly string[]> {
  return (await readdir(join(dest, 'blobs'), { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name))
}
