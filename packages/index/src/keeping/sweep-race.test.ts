import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openStore } from '../store/store.ts'

const UPLOADER = fileURLToPath(new URL('testing/upload-over-and-over.ts', import.meta.url))
const ROUNDS = process.env['WAXSEAL_NIGHTLY'] === undefined ? 150 : 5_000

test('what is uploaded while the same bytes are being swept is there once its row is, whoever comes first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-race-'))
  await using store = await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') })
  const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
  const uploader = fork(UPLOADER, [folder])
  const told = async (message: string): Promise<unknown> => {
    uploader.send(message)
    const [answer] = (await once(uploader, 'message')) as [unknown]
    return answer
  }
  const isGarbage = async (): Promise<boolean> =>
    (await store.db.selectFrom('superseded_page').select('project').executeTakeFirst()) === undefined
  let swept = 0
  let kept = 0
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // Marked while nothing is under way: the grace period, without its hours.
      await told('wait')
      const [blob] = await Array.fromAsync(blobs.list())
      uploader.send('go')
      if (blob === undefined) continue
      // As far into the next upload as this round's number says.
      const until = performance.now() + (round % 30) / 10
      while (performance.now() < until) await new Promise(setImmediate)
      if (await blobs.deleteUntouched(blob.sha256, blob.touched, isGarbage)) swept += 1
      else kept += 1
    }
    assert.deepEqual(await told('end'), { lost: 0 })
    await once(uploader, 'exit')
  } finally {
    uploader.kill('SIGKILL')
    await rm(folder, { recursive: true })
  }
  assert.ok(swept > 0 && kept > 0, `swept ${swept}, kept ${kept}: there was no race`)
})
