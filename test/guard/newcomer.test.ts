import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { readTrustFile } from '@waxseal/guard'
import type { NameRecord } from '@waxseal/index/names'
import type { RepositoryState } from '@waxseal/trust'
import { nameRecord } from '../support/name-record.ts'
import type { Machine } from './machine.ts'
import { machineTrusting } from './machine.ts'
import { SignedWorld } from './signed-world.ts'

/** A world in which a name was sealed closed, and whoever has the server's keys can go back before that. */
interface Sealed extends AsyncDisposable {
  readonly world: SignedWorld
  readonly before: RepositoryState
  /** A machine that was there. */
  readonly colleague: Machine
  /** What that machine trusts, in a file of its folder. */
  readonly file: string
  /** The old shard of the holders, with a page and a claim of the attacker's. */
  attack(): Promise<void>
}

async function sealedWorld(): Promise<Sealed> {
  await using parts = new AsyncDisposableStack()
  const world = parts.use(await SignedWorld.start())
  const own = world.wheel({ name: 'acme-app', version: '1.0' })
  const evil = world.wheel({ name: 'acme-app', version: '99.0' })
  const files = new Map([[own.filename, own.sha256]])
  const record = (more: Partial<NameRecord>): NameRecord => nameRecord('acme-app', more)
  const page = (...listed: readonly (typeof own)[]) => ({
    project: 'acme-app',
    source: 'local',
    files: listed.map((file) => ({ file })),
  })
  const before = world.state
  await world.holders({ page: page(own), sealed: record({ closed: true, files }) })
  const colleague = parts.use(await machineTrusting(world.url))
  assert.deepEqual(await offeredTo(colleague), ['1.0 sealed'])
  const file = join(colleague.folder, 'trust.json')
  await told(colleague, 'trust', 'export', '--out', file)
  const kept = parts.move()
  return {
    world,
    before,
    colleague,
    file,
    attack: () => world.server({ page: page(own, evil), claimed: record({ rev: 9 }) }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The one document of a command that is done. */
async function told(machine: Machine, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await machine.waxseal([...args, '--json'])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Record<string, unknown>
}

/** The code, and that of the signatures, by which a command is refused. */
async function refused(machine: Machine, ...args: readonly string[]): Promise<readonly (string | undefined)[]> {
  const { code, stdout, stderr } = await machine.waxseal([...args, '--json'])
  assert.equal(code, 1, stdout + stderr)
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; trust?: string } }
  return [error.code, error.trust]
}

/** Versions of the name that a machine would be given, or the code by which it is refused. */
async function offeredTo(machine: Machine): Promise<readonly string[] | string> {
  const { stdout, stderr } = await machine.waxseal(['why', 'acme-app', '--json'])
  assert.notEqual(stdout, '', stderr)
  const answer = JSON.parse(stdout) as {
    error?: { code: string }
    refusal: { code: string } | null
    offered: readonly { filename: string; trust: string }[]
  }
  if (answer.error !== undefined) return answer.error.code
  return answer.refusal?.code ?? answer.offered.map(({ filename, trust }) => `${filename.split('-')[1]} ${trust}`)
}

suite('KC-3: a machine that has seen nothing of an index yet', { concurrency: 2 }, () => {
  test('is shown the time before a seal where it knows the root alone, and not where it begins with what another has seen', async () => {
    await using sealed = await sealedWorld()
    const { world, before, file } = sealed
    await world.relapsed(before)
    await sealed.attack()

    await using rootAlone = await machineTrusting(world.url)
    assert.deepEqual(await offeredTo(rootAlone), ['99.0 signed', '1.0 signed'], 'what docs/trust.md says')

    await using newcomer = await machineTrusting(undefined)
    assert.deepEqual(await refused(newcomer, 'trust', 'add', world.url, '--root', file), [
      'page-unverified',
      'rollback',
    ])
    assert.deepEqual(await told(newcomer, 'trust', 'list'), [], 'nothing is kept')
  })

  test('goes by the seals in it after the keys of the server were replaced', async () => {
    await using sealed = await sealedWorld()
    const { world, before, file } = sealed
    await world.rebuilt(before)
    await sealed.attack()

    await using rootAlone = await machineTrusting(world.url)
    assert.deepEqual(await offeredTo(rootAlone), ['99.0 signed', '1.0 signed'])

    await using newcomer = await machineTrusting(undefined)
    await told(newcomer, 'trust', 'add', world.url, '--root', file)
    assert.equal(await offeredTo(newcomer), 'name-refused')
  })

  test('is told the fingerprint of the first root, and of when the file is', async () => {
    await using sealed = await sealedWorld()
    const { world, colleague, file } = sealed
    const [{ root } = {}] = (await told(colleague, 'trust', 'list')) as unknown as readonly { root?: string }[]
    const { made, ...text } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    assert.equal(text['_type'], 'waxseal-trust')
    await using newcomer = await machineTrusting(undefined)
    const add = ['trust', 'add', world.url, '--root', file]
    assert.deepEqual(await refused(newcomer, ...add, '--fingerprint', '0'.repeat(64)), ['root-differs', undefined])
    const added = await told(newcomer, ...add, '--fingerprint', String(root))
    assert.deepEqual(added, { url: world.url, root, snapshot: world.state.snapshot.version, made })
    const { stdout } = await newcomer.waxseal(add)
    assert.ok(stdout.includes(`older than snapshot ${world.state.snapshot.version}, of ${String(made)}`), stdout)
  })

  test('begins with a root that was replaced since the first, which is still the one that people compare', async () => {
    await using sealed = await sealedWorld()
    const { world, colleague, file } = sealed
    await world.rebuilt(world.state)
    const first = await told(colleague, 'trust', 'export', '--out', file)
    await using newcomer = await machineTrusting(undefined)
    assert.equal((await told(newcomer, 'trust', 'add', world.url, '--root', file))['root'], first['root'])
    assert.deepEqual(await offeredTo(newcomer), ['1.0 sealed'])
    await told(newcomer, 'trust', 'add', world.url, '--yes')
  })
})

suite('KC-3: a machine that trusts an index already', { concurrency: 2 }, () => {
  test('goes by what another has seen, too, and keeps what is newer here', async () => {
    await using sealed = await sealedWorld()
    const { world, before, file } = sealed
    const now = world.state
    await world.relapsed(before)
    await using machine = await machineTrusting(world.url)
    await world.relapsed(now)
    assert.deepEqual(await refused(machine, 'trust', 'add', world.url, '--root', file), ['page-unverified', 'rollback'])

    await using other = await machineTrusting(world.url)
    const { snapshot } = await told(other, 'trust', 'show')
    await told(other, 'trust', 'add', world.url, '--root', file)
    assert.deepEqual((await told(other, 'trust', 'show'))['snapshot'], snapshot)
    await world.rebuilt(before)
    await sealed.attack()
    assert.equal(await offeredTo(other), 'name-refused', 'a seal that it has not seen itself')
  })

  test('is brought up to a file that is newer', async () => {
    await using world = await SignedWorld.start()
    await using machine = await machineTrusting(world.url)
    const before = world.state
    const own = world.wheel({ name: 'six', version: '1.0' })
    await world.holders({ page: { project: 'six', files: [{ file: own }] }, namespaces: { rev: 1, namespaces: [] } })
    await using colleague = await machineTrusting(world.url)
    const file = join(colleague.folder, 'trust.json')
    await told(colleague, 'trust', 'export', '--out', file)
    await told(machine, 'trust', 'add', world.url, '--root', file)
    await world.relapsed(before)
    assert.equal(await offeredTo(machine), 'page-unverified')
  })
})

suite('A trust file', { concurrency: 2 }, () => {
  test('of which anything was changed is refused whole', async () => {
    await using sealed = await sealedWorld()
    const { world, file } = sealed
    await using stranger = await SignedWorld.start()
    const text = await readFile(file, 'utf8')
    type Document = Record<'timestamp' | 'snapshot', string> & { roots: string[]; sealed: Record<string, unknown>[] }
    const changed = (change: (document: Document) => object): string => {
      const document = JSON.parse(text) as Document
      return JSON.stringify({ ...document, ...change(document) })
    }
    const versions = (signed: string): string =>
      signed.replace(/"version":(\d+)/, (_, n) => `"version":${Number(n) + 1}`)
    const strangers = await (await fetch(`${stranger.url}/tuf/timestamp.json`)).text()
    const cases = {
      'a timestamp that was changed': changed(({ timestamp }) => ({ timestamp: versions(timestamp) })),
      'a timestamp of another index': changed(() => ({ timestamp: strangers })),
      'a snapshot that was changed': changed(({ snapshot }) => ({ snapshot: versions(snapshot) })),
      'a root that was changed': changed(({ roots }) => ({ roots: roots.map(versions) })),
      'a root twice': changed(({ roots }) => ({ roots: [...roots, ...roots] })),
      'no root': changed(() => ({ roots: [] })),
      'more than is known': changed(() => ({ more: 1 })),
      'another version': changed(() => ({ version: 2 })),
      'a seal of no name': changed(({ sealed: [first] }) => ({ sealed: [{ ...first, project: '../Acme' }] })),
      'no JSON': text.slice(0, -10),
    }
    assert.ok(readTrustFile(Buffer.from(text)) !== undefined)
    for (const [what, content] of Object.entries(cases)) {
      assert.throws(() => readTrustFile(Buffer.from(content)), { code: 'page-unverified' }, what)
    }

    await using newcomer = await machineTrusting(undefined)
    const copy = join(newcomer.folder, 'copy.json')
    await writeFile(copy, cases['a snapshot that was changed'])
    const { code, stderr } = await newcomer.waxseal(['trust', 'add', world.url, '--root', copy])
    assert.equal(code, 1)
    assert.match(stderr, /threshold-not-met.* Nothing of it is trusted\. .*waxseal trust export.*get it anew/)
    // One of another index is not tampered with, and is of no use here.
    const elsewhere = ['trust', 'add', stranger.url, '--root', file]
    assert.deepEqual(await refused(newcomer, ...elsewhere), ['page-unverified', 'threshold-not-met'])
    assert.deepEqual(await told(newcomer, 'trust', 'list'), [])
  })

  test('is not made of an index that shows something older', async () => {
    await using sealed = await sealedWorld()
    const { world, before, colleague } = sealed
    await world.relapsed(before)
    assert.deepEqual(await refused(colleague, 'trust', 'export'), ['page-unverified', 'rollback'])
  })
})
