import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { generatePrivateKey, initialiseState, keySigner, TrustClient } from '@waxseal/trust'
import type { Signer, TrustRemote, TrustState } from '@waxseal/trust'
import { OPERATOR } from '../access/actor.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { recordClaim } from '../names/claim.ts'
import type { Store, StoreOptions } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import { startEmbeddedPostgres } from '../store/testing/postgres-server.ts'
import { initialiseSigning } from './initialise-signing.ts'
import { appendJournal } from './journal.ts'
import { makeOnlineKeys, signerContext, signingKeysIn } from './online-keys.ts'
import { openSigned } from './open-signed.ts'
import { newestSnapshot, Publisher } from './publisher.ts'
import { TufFiles } from './tuf-files.ts'
import { Namespaces } from '../names/namespaces.ts'

const HOUR = 3_600_000
const ROUNDS = 12
const names = { namespaces: new Namespaces(), upstreams: [] }
const newSigner = (): Signer => keySigner(generatePrivateKey())

class MemoryState implements TrustState {
  readonly #stored = new Map<string, Uint8Array>()

  async read(role: string): Promise<Uint8Array | undefined> {
    return this.#stored.get(role)
  }

  async swap(role: string, _expected: Uint8Array | undefined, next: Uint8Array | undefined): Promise<boolean> {
    if (next === undefined) this.#stored.delete(role)
    else this.#stored.set(role, next)
    return true
  }
}

/** What a node on this database serves. */
function remoteOf(store: Store): TrustRemote {
  const files = new TufFiles(store)
  return {
    async metadata(name) {
      const [, version, role = ''] = /^(?:(\d+)\.)?(.*)\.json$/.exec(name) ?? []
      return (await (version === undefined ? files.newest(role) : files.version(role, Number(version))))?.bytes
    },
    target: async () => undefined,
  }
}

async function claim(store: Store, project: string, at: string): Promise<void> {
  await store.transaction(async (tx) => {
    await recordClaim(tx, { project, displayName: project, at, actor: OPERATOR, by: 'administrator', evidence: [] })
    await appendJournal(tx, { project, action: 'create', at, actor: 'ada' })
  })
}

/** Two nodes publish and renew at the same time, hour after hour, while a client refreshes at both. */
async function race(folder: string, database: StoreOptions): Promise<void> {
  let now = Date.parse('2026-11-24T12:00:00Z')
  const clock = { now: () => now }
  await using parts = new AsyncDisposableStack()
  const stores = [parts.use(await openStore(database)), parts.use(await openStore(database))] as const
  const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
  const keys = signingKeysIn(folder)
  const context = signerContext(clock, {})
  const online = await makeOnlineKeys(folder, keys, context)
  const first = { store: stores[0], blobs, clock, publisher: 'first' }
  const root = await initialiseSigning(first, 'small', {
    offline: { root: newSigner(), targets: newSigner() },
    online,
  })
  const publishers = await Promise.all(
    stores.map(async (store, at) => {
      const signed = await openSigned({ store, clock, keys, context })
      return new Publisher({ store, bodies: blobs, clock, names, signed, publisher: `node-${at}` })
    }),
  )
  const state = new MemoryState()
  await initialiseState(state, root.bytes)
  const clients = await Promise.all(
    stores.map((store) => TrustClient.open({ state, remote: remoteOf(store), now: () => now })),
  )
  for (let round = 0; round < ROUNDS; round += 1) {
    now += HOUR
    const published = new AbortController()
    const polling = (async () => {
      for (let turn = 0; !published.signal.aborted; turn += 1) {
        await clients[turn % 2]?.refresh()
        // SQLite answers at once: the others need a turn of the event loop as well.
        await setImmediate()
      }
    })()
    // Each begins as often as the other.
    const order = round % 2 === 0 ? [0, 1] : [1, 0]
    await Promise.all(
      order.map(async (at) => {
        const publisher = publishers[at] as Publisher
        // Some rounds have nothing to publish, and renew alone.
        if (round % 3 > 0) await claim(stores[at] as Store, `acme-${at}-${round}`, new Date(now).toISOString())
        await Promise.all([publisher.publish(), publisher.renew()])
      }),
    )
    published.abort()
    await polling
  }
  const client = clients[0] as TrustClient
  await client.refresh()
  assert.equal(client.snapshot, await newestSnapshot(stores[1]))
  const { db } = stores[0]
  for (const { project, body_sha256 } of await db.selectFrom('page').selectAll().execute()) {
    const found = await client.find(`simple/${project}/index.json`)
    assert.ok(found.kind === 'found' && found.file.hashes.get('sha256') === body_sha256, project)
  }
  for (const role of ['snapshot', 'timestamp']) {
    const rows = await db.selectFrom('tuf_file').select('version').where('role', '=', role).orderBy('version').execute()
    assert.deepEqual(
      rows.map(({ version }) => version),
      rows.map((_, at) => at + 1),
      role,
    )
    assert.ok(rows.length > ROUNDS / 2, role)
  }
  const nodes = await db.selectFrom('snapshot').select('publisher').distinct().execute()
  assert.equal(nodes.length, 3, 'both, after the first signing')
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-signed-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('two nodes on SQLite publish and renew at the same time, and no client trips', () =>
  inFolder((folder) => race(folder, { kind: 'sqlite', path: join(folder, 'index.db') })))

test('two nodes on PostgreSQL publish and renew at the same time, and no client trips', () =>
  inFolder(async (folder) => {
    await using postgres = await startEmbeddedPostgres()
    await race(folder, { kind: 'postgres', url: await postgres.createDatabase() })
  }))
