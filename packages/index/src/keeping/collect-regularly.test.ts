import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { digest, sample } from '../blobs/blob-store-contract.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { systemClock } from '../clock.ts'
import { withLease } from '../store/lease.ts'
import { openStore } from '../store/store.ts'
import { lastCollection } from './collect-garbage.ts'
import { collectElsewhere, isDue } from './collect-regularly.ts'

const retention = { graceHours: 24, supersededHours: 24, everyHours: 24 }

suite('a server that collects by itself', () => {
  test('does so when the last time is long enough ago, or was told by a wrong clock', () => {
    const now = Date.parse('2026-11-24T10:00:00Z')
    assert.equal(isDue(undefined, now, retention), true)
    assert.equal(isDue('2026-11-23T10:00:01Z', now, retention), false)
    assert.equal(isDue('2026-11-23T10:00:00Z', now, retention), true)
    assert.equal(isDue('2027-11-23T10:00:00Z', now, retention), true)
  })

  test('has another process do it, and leaves it to whoever is at it already', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-collecting-'))
    try {
      const database = { kind: 'sqlite', path: join(dataDir, 'waxseal.db') } as const
      const order = { dataDir, database, retention, upstreams: [] }
      const running = new AbortController()
      await using store = await openStore(database)
      await (await openDirectoryBlobStore(join(dataDir, 'blobs'))).put(digest(sample(10)), sample(10))
      const busy = await withLease(store, systemClock, { name: 'keeping', by: 'backup' }, () =>
        collectElsewhere(order, running.signal),
      )
      assert.deepEqual(busy, { kind: 'busy' })
      const answer = await collectElsewhere(order, running.signal)
      assert.equal(answer.kind === 'collected' && answer.collection.garbage.young.blobs, 1)
      assert.equal((await lastCollection(store))?.garbage.swept.blobs, 0)
      const broken = { ...order, database: { kind: 'sqlite', path: '/dev/null/waxseal.db' } as const }
      const failed = await collectElsewhere(broken, running.signal)
      assert.match(failed.kind === 'failed' ? failed.message : failed.kind, /there is no database of it/)
      running.abort()
      assert.deepEqual(await collectElsewhere(order, running.signal), { kind: 'busy' })
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})
