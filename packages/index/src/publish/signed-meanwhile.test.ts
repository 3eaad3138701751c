import assert from 'node:assert/strict'
import { mkdtempDisposable, readdir, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OPERATOR } from '../access/actor.ts'
import { indexDefaults } from '../index-config.ts'
import { openAdministration } from '../open-administration.ts'
import type { Administration } from '../open-administration.ts'
import { systemClock } from '../clock.ts'
import { openStore } from '../store/store.ts'
import { firstRoot } from './initialise-signing.ts'
import { signerContext, signingKeysIn } from './online-keys.ts'
import { openSigned } from './open-signed.ts'
import { signStore, someKeys } from './testing/signed-store.ts'

void test('a process that opened an index before it was signed publishes nothing unsigned; one that opens it then does', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-meanwhile-'))
  const config = indexDefaults(join(folder.path, 'data'))
  const first = { size: 'small', offlineKeys: async () => someKeys().offline } as const
  await using early = await openAdministration(config)
  const publish = async (index: Administration, project: string) => {
    await index.management.claim(project, OPERATOR)
    await index.management.settled()
  }
  await publish(early, 'before')
  await using signer = await openAdministration(config)
  const root = await signer.sign(first)
  assert.deepEqual(await firstRoot(signer.store.db), root)
  await assert.rejects(signer.sign(first), { code: 'conflict', message: /signed already/ })

  await assert.rejects(publish(early, 'meanwhile'), {
    code: 'conflict',
    message: /was signed after this process opened it: start it again/,
  })
  const pages = async () => {
    const rows = await early.store.db.selectFrom('page').select('project').orderBy('project').execute()
    return rows.map(({ project }) => project)
  }
  assert.deepEqual(await pages(), ['before'])
  await using later = await openAdministration(config)
  await publish(later, 'later')
  assert.deepEqual(await pages(), ['before', 'later', 'meanwhile'])
})

void test('an index whose page is damaged is not signed with it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-meanwhile-'))
  const dataDir = join(folder.path, 'data')
  await using index = await openAdministration(indexDefaults(dataDir))
  await index.management.claim('acme', OPERATOR)
  await index.management.settled()
  const { body_sha256: sha256 } = await index.store.db
    .selectFrom('page')
    .select('body_sha256')
    .executeTakeFirstOrThrow()
  const stored = (await readdir(join(dataDir, 'blobs'), { recursive: true })).find((name) => name.endsWith(sha256))
  await truncate(join(dataDir, 'blobs', stored ?? ''), 100)
  const first = { size: 'small', offlineKeys: async () => someKeys().offline } as const
  await assert.rejects(index.sign(first), {
    code: 'blob-missing',
    message: /acme is missing or damaged: run waxseal doctor/,
  })
  assert.equal(await firstRoot(index.store.db), undefined)
})

void test('a whole verification reads nothing any more once the server ends, and what that leaves undone is no finding', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-meanwhile-'))
  const clock = systemClock
  const store = await openStore({ kind: 'sqlite', path: join(folder.path, 'index.db') })
  await signStore(store, clock)
  const context = signerContext(clock, {})
  const signed = await openSigned({ store, clock, keys: signingKeysIn(folder.path), context })
  assert.ok(signed)
  const goesOn = new AbortController().signal
  await signed.verifyWhole(goesOn)
  const ended = new AbortController()
  const verifying = signed.verifyWhole(ended.signal)
  setImmediate(() => {
    ended.abort()
    void store[Symbol.asyncDispose]()
  })
  await verifying
  assert.ok(ended.signal.aborted, 'it was under way')
  await assert.rejects(signed.verifyWhole(goesOn), 'the database is closed')
})
