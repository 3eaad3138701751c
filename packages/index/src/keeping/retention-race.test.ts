import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { isoTime } from '../clock.ts'
import { dropOldVersions } from './retention.ts'
import { openKeptIndex } from './testing/kept-index.ts'

test('retention keeps a file that its upstream withdraws between the look at it and the change of its row', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-retention-'))
  t.after(() => rm(folder, { recursive: true }))
  await using index = await openKeptIndex(folder)
  for (const version of ['1.0', '1.1', '2.0']) await index.upload('demo', version)
  using elsewhere = new DatabaseSync(join(folder, 'waxseal.db'), { timeout: 5000 })
  const clock = { now: () => index.now }
  elsewhere.exec(`
    update file set source = 'sim', url = 'https://files.example/x';
    update project set authority = 'upstream', upstream = 'sim';
    insert into upstream_page (project, upstream, status, checked_at)
      values ('demo', 'sim', 'active', '${isoTime(clock)}');
  `)
  const { signal: held } = new AbortController()
  // It is asked when the files have been chosen, and before anything is changed.
  held.throwIfAborted = () => elsewhere.exec(`update file set withdrawn_at = 'now' where version = '1.0'`)
  await dropOldVersions({ store: index.store, clock }, ['sim'], 1, { dryRun: false, held })
  const rows = elsewhere.prepare('select version, stored from file order by version').all()
  assert.deepEqual(
    rows.map(({ version, stored }) => [version, stored]),
    [
      ['1.0', 1],
      ['1.1', 0],
      ['2.0', 1],
    ],
  )
})
