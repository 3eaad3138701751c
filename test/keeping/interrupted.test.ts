import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, watch } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { carryKeys } from '../support/carry-keys.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { seeded } from '../support/seeded.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { uploadFile } from '../support/upload-form.ts'

const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')
const WHEELS = 24

interface Listed {
  readonly backups: readonly { readonly id: string }[]
  readonly damaged: readonly unknown[]
}

const list = async (dest: string): Promise<Listed> => JSON.parse(await runWaxseal(['backup', 'list', dest, '--json']))

/** Whether the status tells of a backup that was cut off. */
async function wasKilled(dataDir: string): Promise<boolean> {
  const { attention } = documentOf(await waxsealCommand(['status', '--data', dataDir, '--json']))
  return (attention as readonly string[]).some((line) => /^The backup that began at \S+ was cut off\.$/.test(line))
}

/** Runs a command and kills it (SIGKILL) when something matching `name` has appeared in `folder`. True: it was in time. */
async function killedWhen(args: readonly string[], folder: string, name: RegExp): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' })
  const watcher = watch(folder, { recursive: true }, (_event, path) => {
    if (path !== null && name.test(path)) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  watcher.close()
  return signal === 'SIGKILL'
}

void test('kill -9 in a backup leaves the earlier one whole, and the next is whole; kill -9 in a restore is finished', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-interrupted-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const [dest, target] = [join(folder, 'backups'), join(folder, 'target')]
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: join(folder, 'data') })
  const create = ['backup', dest, '--data', server.dataDir]
  const wheel = (at: number) => buildWheel({ name: `part-${at % 3}`, version: `1.${at}`, module: noise(at) })
  assert.equal((await uploadFile(server, wheel(0))).status, 200)
  await runWaxseal(create)
  const earlier = (await list(dest)).backups
  for (let at = 1; at <= WHEELS; at += 1) assert.equal((await uploadFile(server, wheel(at))).status, 200)

  let killed = 0
  let noted = 0
  for (const moment of [/\.unfinished-[^/]*\/file\./, /^blobs\/..\/..\//]) {
    if (await killedWhen(create, dest, moment)) killed += 1
    const { backups, damaged } = await list(dest)
    assert.deepEqual([damaged, backups.slice(0, 1)], [[], earlier])
    await runWaxseal(['backup', 'verify', dest, '--backup', backups[0]?.id ?? ''])
    endLeases(server.dataDir)
    if (await wasKilled(server.dataDir)) noted += 1
  }
  assert.ok(killed > 0, 'no backup was killed in time')
  assert.ok(noted > 0, 'the status tells of none')
  await runWaxseal(create)
  assert.equal(await wasKilled(server.dataDir), false)
  await runWaxseal(['backup', 'verify', dest])
  const leftOver = readdirSync(dest, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(?:part|unfinished)-/.test(name),
  )
  assert.deepEqual(leftOver, [])

  killed = 0
  const restore = ['restore', dest, '--data', target]
  for (const moment of [/^blobs\/..\/..\//, /restore-unfinished\/waxseal\.db-wal/]) {
    if (await killedWhen(restore, target, moment)) killed += 1
    if (existsSync(join(target, 'restore-unfinished/state.json'))) {
      await assert.rejects(runWaxseal(['project', 'list', '--data', target]), /was interrupted|There is no index/)
      await runWaxseal(restore)
    }
    await carryKeys(server.dataDir, target)
    await using restored = await startWaxseal({ args: ['--no-upstream'], dataDir: target })
    const shown = await Promise.all(
      [0, 1, 2].map(async (at) => {
        const page = await fetch(`${restored.url}/simple/part-${at}/`)
        return [...(await page.text()).matchAll(/<a /g)].length
      }),
    )
    assert.equal(
      shown.reduce((sum, count) => sum + count),
      WHEELS + 1,
    )
    await restored.stop()
    await assertSoundStorage(target)
    await rm(target, { recursive: true })
  }
  assert.ok(killed > 0, 'no restore was killed in time')
})

/** What the minute does, after which the lease of a process that died ends. */
function endLeases(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'), { timeout: 5000 })
  database.exec('delete from lease')
  database.close()
}

function noise(seed: number): string {
  return `X = '${seeded(String(seed)).bytes(100_000).toString('hex')}'\n`
}
