import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import fsp from 'node:fs/promises'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { draftCeremony } from '../ceremony/draft-ceremony.ts'
import { importSignatures, signRequest } from '../ceremony/ceremony-signatures.ts'
import { finishCeremony } from '../ceremony/finish-ceremony.ts'
import { keySigner } from '../key-signer.ts'
import { createRepository } from './create-repository.ts'
import { openDirectoryMetadataStore } from './directory-metadata-store.ts'
import { metadataFileName, signersById } from './repository-state.ts'
import type { Signers } from './repository-state.ts'
import { planPages } from './testing/publish-pages.ts'
import { KEY_NAMES, publicKeys, SampleRepository, sampleTable, START } from './testing/sample-repository.ts'

const PROCESS = join(import.meta.dirname, 'testing/publish-process.ts')

interface Scene {
  /** A repository as it was created; never written to. */
  readonly folder: string
  readonly keys: string
  readonly signers: Signers
  /** The next root, with another timestamp key, whose old one is at hand. */
  readonly root: string
  readonly scratch: string
}

async function scene(t: TestContext): Promise<Scene> {
  const scratch = mkdtempSync(join(tmpdir(), 'trust-'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const pairs = new Map([...KEY_NAMES, 'next'].map((name) => [name, generateKeyPairSync('ed25519').privateKey]))
  const named = new Map(Array.from(pairs, ([name, key]) => [name, keySigner(key)]))
  const keys = join(scratch, 'keys')
  writeFileSync(keys, [...pairs.values()].map((key) => key.export({ type: 'pkcs8', format: 'pem' })).join('\n'))
  const folder = join(scratch, 'repository')
  const store = await openDirectoryMetadataStore(folder)
  const signers = signersById(named.values())
  const plan = await createRepository(sampleTable(), publicKeys(named), { snapshot: 1, now: START, signers })
  await store.publish(plan.files)
  const [old, next] = [named.get('timestamp')?.key, named.get('next')?.key]
  assert.ok(old && next)
  const request = await draftCeremony(
    plan.state,
    { replaceKeys: new Map([[old.keyid, next]]) },
    { now: START, load: store.load },
  )
  let collected: ReturnType<typeof importSignatures> = []
  for (const name of ['anna', 'ben']) {
    const holder = named.get(name)
    assert.ok(holder)
    collected = importSignatures(request, collected, await signRequest(request, holder))
  }
  const root = join(scratch, 'root.json')
  writeFileSync(root, finishCeremony(request, collected, START).root ?? '')
  return { folder, keys, signers, root, scratch }
}

function publishIn(folder: string, { keys, root }: Scene, die: number, rotate: boolean): ReturnType<typeof spawnSync> {
  const given = rotate ? ['--root', root] : []
  const args = [PROCESS, '--folder', folder, '--keys', keys, `--die=${die}`, ...given]
  return spawnSync(process.execPath, args, { encoding: 'utf8' })
}

/** What a client that starts here sees: verified from the first root on. */
async function seen(
  folder: string,
): Promise<{ readonly snapshot: number; readonly root: number; readonly pages: number }> {
  const reader = await SampleRepository.reading(
    new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))])),
  )
  const { snapshot, root, roles } = reader.verify()
  const pages = [...roles.values()].reduce((sum, { signed }) => sum + signed.targets.size, 0)
  return { snapshot: snapshot.signed.version, root: root.signed.version, pages }
}

for (const rotate of [false, true]) {
  const what = rotate ? 'a publish with a new root' : 'a publish'
  void test(`kill -9 before every step of ${what}: the old state or the new one, never a third, and it goes on`, async (t) => {
    const parts = await scene(t)
    const whole = join(parts.scratch, 'whole')
    cpSync(parts.folder, whole, { recursive: true })
    const steps = JSON.parse(String(publishIn(whole, parts, -1, rotate).stdout)) as string[]
    assert.ok(steps.length > 15)
    const outcomes = new Set<string>()
    for (let die = 0; die < steps.length; die += 1) {
      const folder = join(parts.scratch, `killed-${die}`)
      cpSync(parts.folder, folder, { recursive: true })
      assert.equal(publishIn(folder, parts, die, rotate).signal, 'SIGKILL', `before ${steps[die]}`)
      const { snapshot, root, pages } = await seen(folder)
      outcomes.add(`${snapshot} ${root} ${pages}`)
      const before = `${steps.slice(0, die).join(', ')} | ${steps[die]}`
      assert.equal(snapshot === 2 ? 2 : 0, pages, before)
      // Files of the killed publish lie about; the next one is whole all the same.
      const store = await openDirectoryMetadataStore(folder)
      const next = rotate && root === 1 ? readFileSync(parts.root) : undefined
      await store.publish((await planPages(store, parts.signers, next)).files)
      const after = await seen(folder)
      assert.deepEqual(after, { snapshot: snapshot + 1, root: rotate ? 2 : 1, pages: 2 })
      rmSync(folder, { recursive: true })
    }
    // Both clients verify while the root is the only thing missing: its keys do not matter to either.
    assert.deepEqual([...outcomes].sort(), rotate ? ['1 1 0', '2 1 2', '2 2 2'] : ['1 1 0', '2 1 2'])
  })
}

void test('a file is synced before it gets its name, and all names before the timestamp gets its own', async (t) => {
  const parts = await scene(t)
  const steps = JSON.parse(String(publishIn(parts.folder, parts, -1, false).stdout)) as string[]
  const renamed = steps.flatMap((step, at) => (step.startsWith('rename part') ? [{ step, at }] : []))
  const timestamp = renamed.at(-1)
  assert.equal(timestamp?.step, 'rename part timestamp.json')
  assert.equal(renamed.at(-2)?.step, 'rename part 2.snapshot.json')
  const count = (kind: string, until: number): number =>
    steps.slice(0, until).filter((step) => step === `${kind} part`).length
  for (const { at } of renamed) {
    assert.equal(count('open', at), count('sync', at))
    assert.equal(count('write', at), count('sync', at))
  }
  const between = steps.slice(renamed.at(-2)?.at, timestamp.at)
  assert.ok(between.indexOf('sync folder') > 0 && between.indexOf('check') > between.indexOf('sync folder'))
  assert.equal(steps.at(-1), 'sync folder')
})

void test('a write that fails leaves nothing behind, and what a killed process left is swept away', async (t) => {
  const { folder } = await scene(t)
  const names = readdirSync(folder).sort()
  writeFileSync(join(folder, `.${randomUUID()}.part`), 'half')
  const store = await openDirectoryMetadataStore(folder)
  const file = (role: string) => ({ role, version: 9, expires: START, bytes: Buffer.from('{}') })
  // The name is too long for the file system, though the part's is not.
  await assert.rejects(store.publish(['a', 'x'.repeat(300), 'b'].map(file)), { code: 'ENAMETOOLONG' })
  assert.deepEqual(
    readdirSync(folder).filter((name) => !names.includes(name)),
    ['9.a.json'],
  )
  const open = fsp.open
  let writes = 0
  t.mock.method(fsp, 'open', async (...args: Parameters<typeof open>) => {
    writes += 1
    if (writes === 2) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    return await open(...args)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  await assert.rejects(store.publish(['c', 'd', 'e', 'f'].map(file)), { code: 'ENOSPC' })
  assert.equal(writes, 4)
  assert.deepEqual(
    readdirSync(folder).filter((name) => !names.includes(name)),
    ['9.a.json'],
  )
})

void test('a check that fails keeps the old state', async (t) => {
  const { folder } = await scene(t)
  const store = await openDirectoryMetadataStore(folder)
  const before = await store.timestamp()
  const bytes = Buffer.from('{}')
  const root = { role: 'root', version: 2, expires: START, bytes }
  const file = { role: 'timestamp', version: 2, expires: START, bytes }
  await assert.rejects(
    store.publish([root, file], () => Promise.reject(new Error('it does not verify'))),
    /does not verify/,
  )
  assert.deepEqual(await store.timestamp(), before)
  // Clients ask for the next root whatever the timestamp says.
  assert.equal(await store.load('root', 2), undefined)
  assert.ok(!readdirSync(folder).some((name) => name.endsWith('.part')))
  assert.equal(await store.load('targets', 99), undefined)
  assert.equal(metadataFileName(file), 'timestamp.json')
})
