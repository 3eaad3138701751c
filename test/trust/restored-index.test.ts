import assert from 'node:assert/strict'
import { mkdtempDisposable, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { carryKeys } from '../support/carry-keys.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from './trusting-clients.ts'
import type { TrustingClients } from './trusting-clients.ts'

const ALONE = { args: ['--no-upstream'] }

async function upload(server: RunningServer, name: string, ...versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    assert.deepEqual(await uploadFile(server, buildWheel({ name, version })), { status: 200, reason: 'OK' })
  }
}

interface Lost extends AsyncDisposable {
  readonly folder: string
  readonly clients: TrustingClients
  /** What the clients have seen. */
  readonly snapshot: number
  /** The folder of the index that is lost, keys included. */
  readonly dataDir: string
}

/** An index that was backed up, published more, which clients saw, and was lost. */
async function lose(): Promise<Lost> {
  await using parts = new AsyncDisposableStack()
  const { path: folder } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-restored-')))
  const dataDir = join(folder, 'data')
  const server = parts.use(await startWaxseal({ ...ALONE, dataDir }))
  const clients = parts.use(await trustingClients(server.url))
  await upload(server, 'acme-hello', '1.0')
  await upload(server, 'acme-bye', '1.0')
  await clients.follow(server.url, ['acme-hello', 'acme-bye'])
  await runWaxseal(['backup', join(folder, 'backup'), '--data', dataDir])
  await upload(server, 'acme-hello', '2.0', '3.0', '4.0')
  const snapshot = await clients.follow(server.url, ['acme-hello', 'acme-bye'])
  await server.stop()
  const kept = parts.move()
  return { folder, clients, snapshot, dataDir, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

void test('RB-BAK: clients follow a restored index that has its keys', async () => {
  await using lost = await lose()
  const restored = join(lost.folder, 'restored')
  await carryKeys(lost.dataDir, restored)
  const said = documentOf(await waxsealCommand(['restore', join(lost.folder, 'backup'), '--data', restored, '--json']))
  assert.deepEqual(said['signing'], { kind: 'signed' })
  await using server = await startWaxseal({ ...ALONE, dataDir: restored })
  const snapshot = await lost.clients.follow(server.url, ['acme-hello', 'acme-bye'])
  assert.ok(snapshot > lost.snapshot && snapshot === said['snapshot'])
  await upload(server, 'acme-hello', '5.0')
  await upload(server, 'acme-new', '1.0')
  assert.ok((await lost.clients.follow(server.url, ['acme-hello', 'acme-bye', 'acme-new'])) > snapshot)
})

void test('RB-BAK: restored without its keys it is published by the first server that has them, and by nobody else', async () => {
  await using lost = await lose()
  const restored = join(lost.folder, 'restored')
  const said = documentOf(await waxsealCommand(['restore', join(lost.folder, 'backup'), '--data', restored, '--json']))
  const { kind, problem } = said['signing'] as { kind: string; problem: string }
  assert.equal(kind, 'waiting')
  assert.match(problem, /timestamp, looked for at .*keys\/timestamp\.pem: .*Wanted is [0-9a-f]{64}\./)
  for (const mode of [[], ['--read-only']]) {
    const serve = ['serve', '--data', restored, '--listen', '127.0.0.1:0', '--no-upstream', ...mode]
    const refused = await waxsealCommand(serve)
    assert.equal(refused.code, 3, refused.stdout)
    assert.match(refused.stderr, mode.length === 0 ? /keys\/pages\.pem/ : /has to be published/)
  }
  await carryKeys(lost.dataDir, restored)
  await using server = await startWaxseal({ ...ALONE, dataDir: restored })
  const snapshot = await lost.clients.follow(server.url, ['acme-hello', 'acme-bye'])
  assert.ok(snapshot > lost.snapshot && snapshot > Number(said['above']))
  await upload(server, 'acme-hello', '5.0')
  assert.ok((await lost.clients.follow(server.url, ['acme-hello', 'acme-bye'])) > snapshot)
})

void test('a backup of an index that still waits for its keys is restored above both lost times', async () => {
  await using lost = await lose()
  const waiting = join(lost.folder, 'waiting')
  await runWaxseal(['restore', join(lost.folder, 'backup'), '--data', waiting])
  await runWaxseal(['backup', join(lost.folder, 'again'), '--data', waiting])
  await carryKeys(lost.dataDir, waiting)
  {
    await using server = await startWaxseal({ ...ALONE, dataDir: waiting })
    await lost.clients.follow(server.url, ['acme-hello'])
  }
  const restored = join(lost.folder, 'restored')
  await carryKeys(waiting, restored)
  await rm(waiting, { recursive: true })
  await runWaxseal(['restore', join(lost.folder, 'again'), '--data', restored])
  await using server = await startWaxseal({ ...ALONE, dataDir: restored })
  await lost.clients.follow(server.url, ['acme-hello', 'acme-bye'])
})
