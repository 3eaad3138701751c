import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { actorOf } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { recordClaim } from '../names/claim.ts'
import type { NewFileRow } from '../store/schema.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { deleteFile, deleteProject, deleteRelease, setProjectStatus, unyankRelease, yankRelease } from './lifecycle.ts'

const clock: Clock = { now: () => Date.parse('2026-11-22T12:00:00.000Z') }
const at = new Date(clock.now()).toISOString()
const actor = actorOf({ user: 'ada' }, '192.0.2.1')
const ada = { actor, administrator: true }

/** `app` is ours and holds 1.0 (two files) and 2.0; `requests` belongs to an upstream. */
async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-lifecycle-'))
  try {
    await using store = await openStore({ kind: 'sqlite', path: join(folder, 'index.sqlite') })
    await store.transaction(async (tx) => {
      await recordClaim(tx, { project: 'app', displayName: 'App', at, actor, by: 'administrator', evidence: [] })
      const upstream = { authority: 'upstream', upstream: 'pypi', rev: 0, status: 'active', created_at: at } as const
      await tx
        .insertInto('project')
        .values({ ...upstream, name: 'requests', display_name: 'requests', status_reason: null })
        .execute()
      for (const version of ['1.0', '2.0']) {
        await tx
          .insertInto('release')
          .values({ project: 'app', version_key: version.slice(0, 1), version, created_at: at, metadata: '{}' })
          .execute()
      }
      await tx
        .insertInto('file')
        .values([file('app-1.0.tar.gz', '1.0'), file('app-1.0-py3-none-any.whl', '1.0'), file('app-2.0.tar.gz', '2.0')])
        .execute()
    })
    await work(store)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function file(filename: string, version: string): NewFileRow {
  const absent = {
    blake2b: null,
    md5: null,
    requires_python: null,
    metadata_sha256: null,
    yanked_reason: null,
    url: null,
    provenance_url: null,
    attestations_sha256: null,
    python_version: null,
    comment: null,
    uploaded_by: null,
    withdrawn_at: null,
    deleted_at: null,
  }
  return {
    ...absent,
    project: 'app',
    source: 'local',
    filename,
    filename_key: filename,
    version,
    version_key: version.slice(0, 1),
    kind: filename.endsWith('.whl') ? 'wheel' : 'sdist',
    sha256: Buffer.from(filename).toString('hex').padEnd(64, '0').slice(0, 64),
    size: 10,
    has_metadata: 0,
    upload_time: at,
    upload_time_source: 'upload',
    first_seen_at: at,
    yanked: 0,
    stored: 1,
    admitted_at: at,
  }
}

async function yanks(store: Store): Promise<readonly string[]> {
  const rows = await store.db.selectFrom('file').selectAll().where('yanked', '=', 1).orderBy('filename').execute()
  return rows.map((row) => `${row.filename}: ${row.yanked_reason}`)
}

async function offered(store: Store): Promise<readonly string[]> {
  const rows = await store.db
    .selectFrom('file')
    .select('filename')
    .where('deleted_at', 'is', null)
    .orderBy('filename')
    .execute()
  return rows.map((row) => row.filename)
}

async function journal(store: Store): Promise<readonly string[]> {
  const rows = await store.db.selectFrom('journal').selectAll().orderBy('seq').execute()
  return rows.map((row) => `${row.project} ${row.action} ${row.actor}`)
}

test('a release is yanked with a reason, under any spelling of its version, and the journal says so', () =>
  withStore(async (store) => {
    const outcome = await yankRelease(store, clock, { project: 'app', version: 'v1.0.0', reason: ' broken ', ...ada })
    assert.equal(outcome.kind, 'done')
    assert.deepEqual(await yanks(store), ['app-1.0-py3-none-any.whl: broken', 'app-1.0.tar.gz: broken'])
    assert.deepEqual(await journal(store), ['app release-yank ada'])
  }))

test('yanking twice changes nothing, another reason does, and un-yanking takes it back', () =>
  withStore(async (store) => {
    const request = { project: 'app', version: '2.0', ...ada }
    assert.equal((await yankRelease(store, clock, request)).kind, 'done')
    assert.equal((await yankRelease(store, clock, request)).kind, 'unchanged')
    assert.equal((await yankRelease(store, clock, { ...request, reason: 'slow' })).kind, 'done')
    assert.deepEqual(await yanks(store), ['app-2.0.tar.gz: slow'])
    assert.equal((await unyankRelease(store, clock, request)).kind, 'done')
    assert.equal((await unyankRelease(store, clock, request)).kind, 'unchanged')
    assert.deepEqual(await yanks(store), [])
  }))

test('one file of a release can be yanked', () =>
  withStore(async (store) => {
    await yankRelease(store, clock, { project: 'app', version: '1.0', filename: 'app-1.0.tar.gz', ...ada })
    assert.deepEqual(await yanks(store), ['app-1.0.tar.gz: null'])
  }))

test('a reason is one line of bounded length', () =>
  withStore(async (store) => {
    for (const reason of ['x'.repeat(1001), 'two\nlines', 'bell\u0007']) {
      const outcome = await yankRelease(store, clock, { project: 'app', version: '1.0', reason, ...ada })
      assert.equal(outcome.kind === 'refused' && outcome.code, 'bad-request', JSON.stringify(reason))
    }
    assert.deepEqual(await yanks(store), [])
  }))

test('NAME-REUSE: a deleted file leaves a tombstone that keeps its name', () =>
  withStore(async (store) => {
    const request = { project: 'app', filename: 'APP-1.0.tar.gz', ...ada }
    assert.equal((await deleteFile(store, clock, request)).kind, 'done')
    assert.deepEqual(await offered(store), ['app-1.0-py3-none-any.whl', 'app-2.0.tar.gz'])
    const row = await store.db
      .selectFrom('file')
      .selectAll()
      .where('filename', '=', 'app-1.0.tar.gz')
      .executeTakeFirst()
    assert.equal(row?.deleted_at, at)
    const again = await deleteFile(store, clock, request)
    assert.equal(again.kind === 'refused' && again.code, 'not-found')
  }))

test('a deleted release is gone with its files, and no other is', () =>
  withStore(async (store) => {
    assert.equal((await deleteRelease(store, clock, { project: 'app', version: '1', ...ada })).kind, 'done')
    assert.deepEqual(await offered(store), ['app-2.0.tar.gz'])
    const releases = await store.db.selectFrom('release').select('version').execute()
    assert.deepEqual(
      releases.map(({ version }) => version),
      ['2.0'],
    )
  }))

test('DEL-INT, NAME-RES: a deleted project stays internal and empty', () =>
  withStore(async (store) => {
    assert.equal((await deleteProject(store, clock, { project: 'app', ...ada })).kind, 'done')
    assert.equal((await deleteProject(store, clock, { project: 'app', ...ada })).kind, 'unchanged')
    assert.deepEqual(await offered(store), [])
    const project = await store.db.selectFrom('project').selectAll().where('name', '=', 'app').executeTakeFirst()
    assert.equal(project?.authority, 'internal')
    const tombstones = await store.db.selectFrom('file').select('id').where('deleted_at', 'is not', null).execute()
    assert.equal(tombstones.length, 3)
  }))

test('a status is a recorded decision, and setting it again changes nothing', () =>
  withStore(async (store) => {
    const request = { project: 'app', status: 'archived', reason: 'done', ...ada } as const
    assert.equal((await setProjectStatus(store, clock, request)).kind, 'done')
    assert.equal((await setProjectStatus(store, clock, request)).kind, 'unchanged')
    const decision = await store.db.selectFrom('decision').selectAll().where('rev', '=', 2).executeTakeFirst()
    assert.equal(decision?.body, '{"kind":"status","status":"archived","reason":"done"}')
    assert.equal(decision.actor, actor.name)
    assert.deepEqual(await journal(store), ['app status ada'])
  }))

test('a reason that could not be signed is refused before it is decided', () =>
  withStore(async (store) => {
    const request = { project: 'app', status: 'quarantined', actor, administrator: false } as const
    for (const reason of ['two\u2028lines', 'half \ud800 a character', 'a\nb']) {
      const outcome = await setProjectStatus(store, clock, { ...request, reason })
      assert.equal(outcome.kind === 'refused' && outcome.code, 'bad-request')
    }
  }))

test('of an upstream project only the quarantine is ours, and only an administrator’s', () =>
  withStore(async (store) => {
    const request = { project: 'requests', ...ada }
    const code = async (change: Parameters<typeof setProjectStatus>[2]): Promise<string> => {
      const outcome = await setProjectStatus(store, clock, change)
      return outcome.kind === 'refused' ? outcome.code : outcome.kind
    }
    assert.equal(await code({ ...request, status: 'quarantined', administrator: false }), 'token-scope')
    assert.equal(await code({ ...request, status: 'archived' }), 'name-upstream')
    assert.equal(await code({ ...request, status: 'quarantined' }), 'done')
    assert.equal(await code({ ...request, status: 'active' }), 'done')
    for (const change of [
      yankRelease(store, clock, { project: 'requests', version: '1.0', ...ada }),
      deleteFile(store, clock, { project: 'requests', filename: 'requests-1.0.tar.gz', ...ada }),
      deleteProject(store, clock, { project: 'requests', ...ada }),
    ]) {
      const outcome = await change
      assert.equal(outcome.kind === 'refused' && outcome.code, 'name-upstream')
    }
  }))

/** `app`, with `upstream` as the second source: `owner` is whose it is. */
async function mergeApp(store: Store, owner: 'local' | 'upstream'): Promise<void> {
  const rule = owner === 'local' ? { owner, extender: 'upstream' } : { owner, extender: 'local' }
  const merge_rule = JSON.stringify({ ...rule, extend: 'platform-wheels', consent: 'ada' })
  const merged = { authority: 'merged', upstream: 'upstream', merge_rule } as const
  await store.transaction((tx) => tx.updateTable('project').set(merged).where('name', '=', 'app').execute())
}

test('of a merged name that is ours files and status are managed as an internal name’s', () =>
  withStore(async (store) => {
    await mergeApp(store, 'local')
    const app = { project: 'app', ...ada }
    assert.equal((await yankRelease(store, clock, { ...app, version: '2.0' })).kind, 'done')
    assert.deepEqual(await yanks(store), ['app-2.0.tar.gz: null'])
    assert.equal((await unyankRelease(store, clock, { ...app, version: '2.0' })).kind, 'done')
    assert.equal((await setProjectStatus(store, clock, { ...app, status: 'archived' })).kind, 'done')
    assert.equal((await deleteRelease(store, clock, { ...app, version: '2.0' })).kind, 'done')
    assert.equal((await deleteFile(store, clock, { ...app, filename: 'app-1.0.tar.gz' })).kind, 'done')
    assert.equal((await deleteProject(store, clock, app)).kind, 'done')
    assert.deepEqual(await offered(store), [])
  }))

test('of a merged name that is an upstream’s only the files that were uploaded here are ours, and an administrator’s', () =>
  withStore(async (store) => {
    await mergeApp(store, 'upstream')
    const app = { project: 'app', ...ada }
    assert.equal((await yankRelease(store, clock, { ...app, version: '2.0' })).kind, 'done')
    const status = await setProjectStatus(store, clock, { ...app, status: 'archived' })
    assert.equal(status.kind === 'refused' && status.code, 'name-upstream')
    const file = { ...app, filename: 'app-1.0.tar.gz' }
    const stranger = await deleteFile(store, clock, { ...file, administrator: false })
    assert.equal(stranger.kind === 'refused' && stranger.code, 'token-scope')
    assert.equal((await deleteFile(store, clock, file)).kind, 'done')
    assert.deepEqual(await offered(store), ['app-1.0-py3-none-any.whl', 'app-2.0.tar.gz'])
  }))

test('what does not exist is not found', () =>
  withStore(async (store) => {
    const cases = [
      [yankRelease(store, clock, { project: 'nothing', version: '1.0', ...ada }), "There is no project 'nothing'."],
      [yankRelease(store, clock, { project: 'app', version: '9', ...ada }), "The project 'app' has no release '9'."],
      [
        deleteFile(store, clock, { project: 'app', filename: 'x.whl', ...ada }),
        "The project 'app' has no file 'x.whl'.",
      ],
    ] as const
    for (const [change, message] of cases)
      assert.deepEqual(await change, { kind: 'refused', code: 'not-found', message })
    const odd = await yankRelease(store, clock, { project: 'app', version: '1.x', ...ada })
    assert.equal(odd.kind === 'refused' && odd.code, 'bad-request')
  }))
