import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { BackgroundWork } from '../../packages/index/src/background-work.ts'
import { openDirectoryBlobStore } from '../../packages/index/src/blobs/directory-blob-store.ts'
import { IndexError, isFull } from '../../packages/index/src/error.ts'
import { initialiseSigning } from '../../packages/index/src/publish/initialise-signing.ts'
import { makeOnlineKeys, signerContext, signingKeysIn } from '../../packages/index/src/publish/online-keys.ts'
import { openSigned } from '../../packages/index/src/publish/open-signed.ts'
import { Publisher } from '../../packages/index/src/publish/publisher.ts'
import { repeating } from '../../packages/index/src/repeating.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import { diskTests, mountSmallDisk } from '../support/small-disk.ts'
import { HOUR } from './clocked-index.ts'
import { Namespaces } from '@waxseal/index/names'

const DISK = 32 * 1024 ** 2

interface Renewing extends AsyncDisposable {
  now: number
  /** A connection of somebody else's to its database. */
  readonly other: DatabaseSync
  /** The next time that renewals begin to fail, and the next that they work again. */
  failure(): Promise<unknown>
  recovery(): Promise<void>
  /** Once everything is renewed that is due now and can be. */
  renewal(): Promise<void>
  /** When the timestamp that is served expires. */
  expiry(): Promise<number>
}

/** A signed index in `folder` that renews as a server does, by a clock that the test moves. */
async function startRenewing(folder: string): Promise<Renewing> {
  await using parts = new AsyncDisposableStack()
  const state = { now: Date.parse('2026-11-24T12:00:00Z') }
  const clock = { now: () => state.now }
  const path = join(folder, 'waxseal.db')
  const store = parts.use(await openStore({ kind: 'sqlite', path }))
  const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
  const keys = signingKeysIn(folder)
  const context = signerContext(clock, {})
  const [root, targets] = [keySigner(generatePrivateKey()), keySigner(generatePrivateKey())]
  const online = await makeOnlineKeys(folder, keys, context)
  await initialiseSigning({ store, blobs, clock, publisher: 'test' }, 'small', { offline: { root, targets }, online })
  const signed = await openSigned({ store, clock, keys, context })
  const names = { namespaces: new Namespaces(), upstreams: [] }
  const publisher = new Publisher({ store, bodies: blobs, clock, names, signed, publisher: 'test' })
  const background = parts.use(new BackgroundWork({ graceMs: 10_000, onLate: () => undefined }))
  let failed = Promise.withResolvers<unknown>()
  let recovered = Promise.withResolvers<void>()
  parts.use(
    repeating(() => publisher.renew(), { everyMs: 20 }, background, {
      onFailure: (error) => failed.resolve(error),
      onRecovery: () => recovered.resolve(),
    }),
  )
  const other = new DatabaseSync(path, { timeout: 30_000 })
  parts.defer(() => other.close())
  const kept = parts.move()
  return {
    get now() {
      return state.now
    },
    set now(now) {
      state.now = now
    },
    other,
    failure: () => failed.promise.finally(() => (failed = Promise.withResolvers())),
    recovery: () => recovered.promise.finally(() => (recovered = Promise.withResolvers())),
    async renewal() {
      // No more than some roles are renewed at a time.
      for (let turn = 0; turn < 10; turn += 1) await publisher.renew().catch(() => undefined)
    },
    async expiry() {
      const rows = store.db.selectFrom('tuf_file').select('expires_at').where('role', '=', 'timestamp')
      return Date.parse((await rows.where('superseded_at', 'is', null).executeTakeFirstOrThrow()).expires_at)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Signs and then has nothing more to do until the clock goes on. */
const renewed = async (index: Renewing): Promise<void> => {
  assert.ok((await index.expiry()) > index.now + 22 * HOUR)
}

diskTests(import.meta.filename, () => {
  void test('a full disk is told hours before the timestamp expires, and renewals go on as soon as there is room', async () => {
    await using disk = await mountSmallDisk(DISK)
    await using index = await startRenewing(disk.path)
    await renewed(index)
    // What the log of changes has room for would still fit.
    index.other.exec('pragma wal_checkpoint(truncate)')
    await disk.leave(0)
    index.now += 2 * HOUR
    const error = await index.failure()
    assert.ok(isFull(error), String(error))
    assert.ok((await index.expiry()) > index.now, 'what is served still holds when it is told')
    // For so long that what is served has expired.
    index.now += 30 * HOUR
    assert.ok((await index.expiry()) < index.now)
    await disk.free()
    await index.recovery()
    await renewed(index)
  })
})

void test('renewals go on when a database that was locked for a day is free again', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-renewals-'))
  await using index = await startRenewing(folder.path)
  index.other.exec('begin immediate')
  index.now += 2 * HOUR
  const error = await index.failure()
  assert.ok(error instanceof IndexError && error.code === 'database-busy', String(error))
  index.now += 30 * HOUR
  index.other.exec('rollback')
  await index.recovery()
  await renewed(index)
})

void test('a role that is damaged is told, and keeps neither the timestamp nor other roles from being renewed', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-renewals-'))
  await using index = await startRenewing(folder.path)
  index.other.exec(`update tuf_file set body = replace(body, '"version":1', '"version":7') where role = 'bin-80'`)
  for (let day = 0; day < 100; day += 1) {
    index.now += 24 * HOUR - 1
    await index.renewal()
  }
  assert.match(String(await index.failure()), /bin-80/)
  await renewed(index)
  const expired = index.other
    .prepare('select role from tuf_file where superseded_at is null and expires_at < ? order by role')
    .all(new Date(index.now).toISOString())
  assert.deepEqual(
    expired.map(({ role }) => role),
    ['bin-80'],
  )
})
