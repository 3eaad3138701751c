import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ListedPage } from '../support/behind-upstream.ts'
import { wantedClients } from '../support/clients.ts'
import type { Distribution } from '../support/python-projects.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { RunningServer } from '../support/server.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

const PROJECTS = 8
const INTERVAL_MS = 20
/** Before the backup begins, and after it has ended. */
const UPLOADS_BEFORE = 75
const UPLOADS_AFTER = 50
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

void test('a backup beside 50 uploads a second, restored elsewhere, has every upload from before it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-backup-load-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const [dest, restored] = [join(folder, 'backups'), join(folder, 'restored')]
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: join(folder, 'data') })

  const load = startUploads(server)
  await load.reached(UPLOADS_BEFORE)
  const report = JSON.parse(await waxseal('backup', dest, '--data', server.dataDir, '--json')) as Report
  const during = load.sent() - UPLOADS_BEFORE
  const { acknowledged, perSecond } = await load.endAfter(load.sent() + UPLOADS_AFTER)
  assertNoServerFault(server)
  assert.equal(report.blobs.missing, 0)

  const first = await firstSnapshots(server)
  const before = acknowledged.filter((file) => (first.get(file.filename) ?? Infinity) <= report.snapshot)
  t.diagnostic(
    `${perSecond.toFixed(1)} uploads a second, ${acknowledged.length} acknowledged, ${during} sent while the backup ran; ` +
      `snapshot ${report.snapshot} of it has ${before.length}`,
  )
  assert.ok(before.length >= UPLOADS_BEFORE, `${before.length} uploads are from before the backup`)
  assert.ok(before.length < acknowledged.length, 'uploads went on after it')

  await waxseal('restore', dest, '--data', restored)
  await assertSoundStorage(restored)
  const { findings, checked } = JSON.parse(await waxseal('doctor', '--data', restored, '--json')) as Diagnosis
  assert.deepEqual(findings, [])
  assert.ok(checked.references >= report.blobs.count, JSON.stringify(checked))
  assert.ok(checked.pages === PROJECTS && checked.decisions >= PROJECTS, JSON.stringify(checked))
  await using copy = await startWaxseal({ args: ['--no-upstream'], dataDir: restored })
  const shown = await listedFiles(copy)
  for (const file of before) assert.equal(shown.get(file.filename)?.sha256, file.sha256, file.filename)
  for (const [filename, { sha256, url }] of shown) {
    for (const [address, digest] of [
      [url, sha256],
      [`${url}.metadata`, shown.get(filename)?.metadata],
    ] as const) {
      const reply = await ask(address)
      assert.equal(sha256Of(reply.body), digest, `${address}: ${reply.status}`)
    }
  }
  const [last] = await uploadedTo(copy, buildWheel({ name: 'load-0', version: '9999' }))
  assert.equal(last, 200, 'the restored index takes uploads, with a token of the old one')
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
  if (process.env['CI']) assert.ok(wantedClients('pip').every(({ client }) => client !== undefined))

  const known = new Set(await poolOf(dest))
  const next = JSON.parse(await waxseal('backup', dest, '--data', server.dataDir, '--json')) as Report
  const added = (await poolOf(dest)).filter((name) => !known.has(name))
  assert.equal(next.copied.count, added.length)
  assert.ok(next.blobs.count > next.copied.count && next.copied.count > 0, JSON.stringify(next))
  for (const id of [report.backup, next.backup]) await waxseal('backup', 'verify', dest, '--backup', id)
})

const waxseal = (...args: readonly string[]): Promise<string> => runWaxseal(args)

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

/** Sends small wheels by an absolute schedule, whatever the answers take, until told to end. */
function startUploads(server: RunningServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const start = performance.now()
  const acknowledged: Distribution[] = []
  const answers: Promise<void>[] = []
  const waiting: { readonly count: number; readonly reached: () => void }[] = []
  let end = Infinity
  const send = async (file: Distribution): Promise<void> => {
    const [status, reason] = await uploadedTo(server, file, agent)
    assert.equal(status, 200, `${file.filename}: ${reason}`)
    acknowledged.push(file)
    for (const { count, reached } of waiting) if (acknowledged.length >= count) reached()
  }
  const running = (async () => {
    for (let at = 0; at < end; at += 1) {
      await delay(Math.max(0, start + at * INTERVAL_MS - performance.now()))
      answers.push(send(buildWheel({ name: `load-${at % PROJECTS}`, version: `1.${at}` })))
    }
    await Promise.all(answers)
    agent.destroy()
  })()
  running.catch(() => undefined)
  return {
    sent: () => answers.length,
    reached: (count: number) =>
      Promise.race([running, new Promise<void>((reached) => void waiting.push({ count, reached }))]),
    async endAfter(count: number) {
      end = count
      await running
      return { acknowledged, perSecond: (acknowledged.length * 1000) / (performance.now() - start) }
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
