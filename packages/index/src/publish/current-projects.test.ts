import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { OPERATOR } from '../access/actor.ts'
import { isoTime, systemClock } from '../clock.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'
import { grantNamespace } from '../names/granting.ts'
import { LiveNames } from '../names/live-names.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { CurrentProjects } from './current-projects.ts'

const CONFIGURED = { prefixes: [], upstreams: [], policy: OPEN_DEFAULT }

async function grant(store: Store, name: string): Promise<void> {
  const wish = { name, owner: 'alice', visibility: 'public', claims: 'online' } as const
  await store.transaction((tx) => grantNamespace(tx, wish, { at: isoTime(systemClock), actor: OPERATOR }))
}

test('DC-15: whoever asks while a grant of another process is read waits for it, and where reading fails the next one reads', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-current-'))
  const database = { kind: 'sqlite', path: join(folder.path, 'waxseal.db') } as const
  await using here = await openStore(database)
  await using elsewhere = await openStore(database)
  const live = await LiveNames.open(() => here.db, CONFIGURED)
  let fails = 0
  let reads = 0
  const names = {
    get namespaces() {
      return live.namespaces
    },
    upstreams: [],
    reload: async () => {
      reads += 1
      if (fails > 0) {
        fails -= 1
        throw new Error('the disk is gone')
      }
      await live.reload()
    },
  }
  const current = new CurrentProjects(here, names, systemClock)
  assert.equal((await current.get('acme-x')).answer.kind, 'undecided')

  await grant(elsewhere, 'acme')
  // SQLite is asked once a turn.
  await setImmediate()
  fails = 1
  await assert.rejects(async () => current.get('acme-x'), /the disk is gone/)
  const answers = await Promise.all(['acme-x', 'acme-y', 'acme-z'].map(async (name) => await current.get(name)))
  assert.deepEqual(
    answers.map(({ answer }) => answer.kind),
    ['reserved', 'reserved', 'reserved'],
  )
  assert.equal((await current.get('acme-x')).answer.kind, 'reserved')
  assert.equal(fails, 0)
  assert.equal(reads, 2, 'the one that failed, and the one that all waited for')
})

test('of two readings of what was granted the one that began later stands, whichever ends first', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-names-'))
  const database = { kind: 'sqlite', path: join(folder.path, 'waxseal.db') } as const
  await using store = await openStore(database)
  let db = store.db
  const live = await LiveNames.open(() => db, CONFIGURED)
  const read = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  db = store.db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      read.resolve()
      await told.promise
      return result
    },
  })
  const earlier = live.reload()
  await read.promise
  db = store.db
  await grant(store, 'acme')
  await live.reload()
  told.resolve()
  await earlier
  assert.equal(live.namespaces.covering('acme-x')?.name, 'acme')
})
