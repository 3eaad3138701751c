import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { createKeyFile, generatePrivateKey, keySigner } from '@waxseal/trust'
import { openStore } from '../store/store.ts'
import { offlineKeyFiles } from './offline-key-files.ts'
import { signStore, someKeys } from './testing/signed-store.ts'

const WRITE = `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(process.argv[1])
  database.exec("insert into setting (key, value) values ('" + process.argv[2] + "', '1')")
  database.close()`

void test('looking for keys leaves the database alone: another process that writes is still seen', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-key-files-'))
  const path = join(folder.path, 'waxseal.db')
  await using store = await openStore({ kind: 'sqlite', path })
  const root = generatePrivateKey()
  const keys = someKeys()
  const clock = { now: () => Date.now() }
  await signStore(store, clock, { ...keys, offline: { ...keys.offline, root: keySigner(root) } })
  await createKeyFile(join(folder.path, 'waxseal.db.key'), root)
  assert.deepEqual(await offlineKeyFiles(store.db, folder.path), [join(folder.path, 'waxseal.db.key')])

  // The first to close would throw the log of changes away under us, and the second begin another.
  for (const name of ['first', 'second']) {
    execFileSync(process.execPath, ['-e', WRITE, path, name])
    const written = store.db.selectFrom('setting').select('value').where('key', '=', name)
    assert.equal((await written.executeTakeFirst())?.value, '1', name)
  }
})

void test('a key is found wherever in the data folder it was moved to, but for what others send', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-key-files-'))
  await using store = await openStore({ kind: 'sqlite', path: join(folder.path, 'waxseal.db') })
  const root = generatePrivateKey()
  const keys = someKeys()
  await signStore(store, { now: Date.now }, { ...keys, offline: { ...keys.offline, root: keySigner(root) } })
  const places = ['data.offline-keys/root.key.json', 'keys/old/2025/root.key.json', 'root.key.json']
  for (const place of [...places, 'blobs/0a/root.key.json', 'spool/root.key.json']) {
    await mkdir(dirname(join(folder.path, place)), { recursive: true })
    await createKeyFile(join(folder.path, place), root)
  }
  const found = await offlineKeyFiles(store.db, folder.path)
  assert.deepEqual(
    found.toSorted(),
    places.map((place) => join(folder.path, place)),
  )
})
