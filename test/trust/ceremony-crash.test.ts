import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { CeremonyScene } from './ceremony-scene.ts'
import { Followers } from './followers.ts'

const PAGE = 'simple/acme-hello/index.json'
/** More than any command of a ceremony takes. */
const MOST_STEPS = 100
/** Every step at night; else every second one, beginning with the first. */
const STRIDE = process.env['WAXSEAL_NIGHTLY'] ? 1 : 2

/** Runs a command that is killed before its step `at`; its steps until then, and whether it was. */
async function killed(
  scene: CeremonyScene,
  at: number,
  args: readonly string[],
): Promise<{ readonly killed: boolean; readonly steps: readonly string[] }> {
  const steps = join(scene.folder, 'steps')
  await writeFile(steps, '')
  const env = {
    NODE_OPTIONS: `--import=${import.meta.resolve('../support/kill-at-step.ts')}`,
    KILL_AT: String(at),
    KILL_UNDER: `${scene.data}/`,
    KILL_STEPS: steps,
  }
  const { code, stderr } = await waxsealCommand(args, { cwd: scene.folder, env })
  assert.ok(code === 0 || code === null, stderr)
  return { killed: code === null, steps: (await readFile(steps, 'utf8')).trim().split('\n') }
}

/**
 * What a killed command left, as far as the next one can tell it from another: names of files, and how long those of the ceremony are.
 * Many steps (a sync, a file that nobody reads yet) leave what the one before left, and what follows from that was looked at then.
 */
async function leftIn(data: string): Promise<string> {
  const left: string[] = []
  for (const folder of ['ceremony', 'keys']) {
    const names = await readdir(join(data, folder), { recursive: true }).catch((): string[] => [])
    for (const name of names) {
      const { size } = await stat(join(data, folder, name))
      left.push(`${folder}/${name.replace(/\.part-.*/, '.part')} ${folder === 'keys' ? '' : size}`)
    }
  }
  return left.toSorted().join('\n')
}

void test('kill -9 between every two steps of a publish: the old state or the new one, and all clients verify it', async (t) => {
  await using scene = await CeremonyScene.open()
  const anna = await scene.holder('anna')
  await scene.first([anna], 1)
  await using clients = await (async () => {
    await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
    await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))
    const followers = await Followers.of(server.url)
    await followers.verify(server.url, PAGE)
    return followers
  })()
  // Keys of three kinds: named in the root, by targets, and by a role that the server itself signs.
  const online = ['timestamp', 'select', 'pages'].flatMap((name) => ['--online', `${name}=new`])
  await scene.import(await scene.sign(await scene.begin(...online), anna))
  const ready = join(scene.folder, 'ready')
  const trusting = join(scene.folder, 'trusting')
  await cp(scene.data, ready, { recursive: true })
  await cp(clients.folder, trusting, { recursive: true })

  const seen = new Map<number, number>()
  const looked = new Set<string>()
  let at = 1
  for (; ; at += STRIDE) {
    assert.ok(at < MOST_STEPS, 'the command never ends by itself')
    for (const [from, to] of [
      [ready, scene.data],
      [trusting, clients.folder],
    ] as const) {
      await rm(to, { recursive: true })
      await cp(from, to, { recursive: true })
    }
    const run = await killed(scene, at, ['ceremony', 'publish', '--data', scene.data])
    const where = `killed before step ${at}, after: ${run.steps.join(', ')}`
    const state = `${run.steps.includes('commit')} ${await leftIn(scene.data)}`
    if (run.killed && looked.has(state)) continue
    looked.add(state)
    await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
    try {
      const { root, sha256 } = await clients.verify(server.url, PAGE)
      assert.notEqual(sha256, null)
      assert.equal(root, run.steps.includes('commit') ? 2 : 1)
      seen.set(root, (seen.get(root) ?? 0) + 1)
      const upload = await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.1' }))
      assert.equal(upload.status, 200, upload.reason)
      if (!run.killed) break
      // Whoever says it again beside the server brings it to its end.
      const again = await scene.run('ceremony', 'publish', '--data', scene.data)
      assert.ok(again.code === 0 || /No ceremony has begun/.test(again.stderr), again.stderr)
      assert.equal((await clients.verify(server.url, PAGE)).root, 2)
      const { ceremony } = await scene.done('ceremony', 'show', '--data', scene.data)
      assert.equal(ceremony, null)
    } catch (error) {
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
  t.diagnostic(`up to step ${at}, ${looked.size} states; roots seen: ${JSON.stringify([...seen])}`)
  assert.ok((seen.get(1) ?? 0) > 0 && (seen.get(2) ?? 0) > 1, 'before and behind the transaction')
})

void test('kill -9 between every two steps of a begin, an import and an abandon: there is a ceremony, or there is none', async (t) => {
  await using scene = await CeremonyScene.open()
  const anna = await scene.holder('anna')
  await scene.first([anna], 1)
  const before = join(scene.folder, 'before')
  await cp(scene.data, before, { recursive: true })
  const restore = async (from: string): Promise<void> => {
    await rm(scene.data, { recursive: true })
    await cp(from, scene.data, { recursive: true })
  }
  const request = await scene.begin('--online', 'timestamp=new', '--renew', 'root')
  const signature = await scene.sign(request, anna)
  const begun = join(scene.folder, 'begun')
  await cp(scene.data, begun, { recursive: true })
  await scene.import(signature)
  const signed = join(scene.folder, 'signed')
  await cp(scene.data, signed, { recursive: true })

  const cases = [
    { from: before, args: ['ceremony', 'begin', '--data', scene.data, '--online', 'timestamp=new'] },
    { from: begun, args: ['ceremony', 'import', '--data', scene.data, signature] },
    { from: signed, args: ['ceremony', 'abandon', '--data', scene.data] },
  ]
  for (const { from, args } of cases) {
    const looked = new Set<string>()
    let at = 1
    for (; at < MOST_STEPS; at += STRIDE) {
      await restore(from)
      const run = await killed(scene, at, args)
      if (!run.killed) break
      const left = await leftIn(scene.data)
      if (looked.has(left)) continue
      looked.add(left)
      const where = `${args.slice(0, 2).join(' ')}, killed before step ${at}, after: ${run.steps.join(', ')}`
      const { ceremony } = (await scene.done('ceremony', 'show', '--data', scene.data)) as {
        readonly ceremony: { readonly signed: readonly string[] } | null
      }
      if (args[1] === 'begin') {
        // What was cut off is in nobody's way, and what is there can be signed and published.
        if (ceremony === null) await scene.begin('--online', 'timestamp=new')
        await scene.import(await scene.sign(join(scene.data, 'ceremony/request.json'), anna))
        assert.deepEqual((await scene.publish())['replaced'], ['timestamp'], where)
      } else if (args[1] === 'import') {
        assert.ok(ceremony !== null, where)
        if (ceremony.signed.length === 0) await scene.import(signature)
        assert.deepEqual((await scene.publish())['replaced'], ['timestamp'], where)
      } else if (ceremony === null) await scene.begin('--renew', 'root')
      else await scene.done('ceremony', 'abandon', '--data', scene.data)
    }
    t.diagnostic(`${args.slice(0, 2).join(' ')}: up to step ${at}, ${looked.size} states`)
    assert.ok(looked.size > 1, 'before it, and behind it')
    assert.ok(at > 2 && at < MOST_STEPS, `${args[1]}: ${at} steps`)
  }
})
