import assert from 'node:assert/strict'
import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, test } from 'node:test'
import { until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { CeremonyScene } from './ceremony-scene.ts'
import type { Holder } from './ceremony-scene.ts'
import { Followers } from './followers.ts'

const PAGE = 'simple/acme-hello/index.json'

test('the clients that nobody here wrote are there', { skip: process.env['CI'] === undefined }, () => {
  assert.deepEqual(Followers.absent, [])
})

interface Team extends AsyncDisposable {
  readonly scene: CeremonyScene
  readonly anna: Holder
  readonly ben: Holder
  readonly cleo: Holder
  readonly server: RunningServer
  readonly clients: Followers
  /** Publishes another page, and has every client follow. */
  readonly release: () => Promise<number>
}

/** An index that three people hold, two of whom have to sign, and clients that follow it from its first day. */
async function team(): Promise<Team> {
  await using parts = new AsyncDisposableStack()
  const scene = parts.use(await CeremonyScene.open())
  const [anna, ben, cleo] = [await scene.holder('anna'), await scene.holder('ben'), await scene.holder('cleo')]
  await scene.first([anna, ben, cleo], 2)
  const server = parts.use(await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] }))
  const clients = parts.use(await Followers.of(server.url))
  let releases = 0
  let { sha256: before } = await clients.verify(server.url, PAGE)
  const release = async (): Promise<number> => {
    const answer = await uploadFile(server, buildWheel({ name: 'acme-hello', version: `1.${(releases += 1)}` }))
    assert.equal(answer.status, 200, answer.reason)
    const { sha256, root } = await clients.verify(server.url, PAGE)
    assert.ok(sha256 !== null && sha256 !== before, 'the page is another one')
    before = sha256
    return root
  }
  assert.equal(await release(), 1)
  const kept = parts.move()
  return { scene, anna, ben, cleo, server, clients, release, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

describe('two of three holders, beside a running server', () => {
  it('replace a lost key, and the one that takes its place signs from then on', async () => {
    await using all = await team()
    const { scene, anna, ben, cleo, release } = all
    const dora = await scene.holder('dora')
    const request = await scene.begin('--replace', `${cleo.keyid.slice(0, 8)}=${dora.pub}`)
    const shown = await scene.run('ceremony', 'show', '--data', scene.data)
    assert.match(shown.stdout, new RegExp(`root: the key ${dora.keyid} .*COMES`))
    assert.match(shown.stdout, /root, by its old keys: 0 of 2 have signed; may still sign: /)

    await scene.import(await scene.sign(request, anna))
    assert.equal((await scene.refused('ceremony', 'publish', '--data', scene.data)).code, 'threshold-not-met')
    assert.equal(await release(), 1, 'until it is published nothing is different')
    await scene.import(await scene.sign(request, ben))
    assert.equal((await scene.publish())['root'], 2)
    assert.equal(await release(), 2)

    await scene.ceremony(['--renew', 'all'], [dora, anna])
    assert.equal(await release(), 3)
    const again = await scene.begin('--renew', 'root')
    const refused = await scene.refused('sign', again, '--key', cleo.file, '--yes')
    assert.match(refused.message, /may sign nothing/)
  })

  it('replace every key of the server one by one, and the server takes each up by itself', async () => {
    await using all = await team()
    const { scene, anna, ben, release } = all
    let root = 1
    for (const name of ['timestamp', 'snapshot', 'deny', 'names', 'select', 'pages']) {
      const file = join(scene.data, 'keys', `${name}.pem`)
      const before = await readFile(file, 'utf8')
      const published = await scene.ceremony(['--online', `${name}=new`], [anna, ben])
      assert.deepEqual(published['replaced'], [name])
      assert.notEqual(await readFile(file, 'utf8'), before)
      root += name === 'timestamp' || name === 'snapshot' ? 1 : 0
      assert.equal(await release(), root, name)
    }
  })

  it('hand over to others, who have another threshold', async () => {
    await using all = await team()
    const { scene, anna, ben, release } = all
    const [eve, finn] = [await scene.holder('eve'), await scene.holder('finn')]
    const keys = ['root', 'targets'].flatMap((role) => [
      `--${role}-threshold`,
      '2',
      ...[eve, finn].flatMap(({ pub }) => [`--${role}-key`, pub]),
    ])
    const request = await scene.begin(...keys)
    const signatures = [await scene.sign(request, anna), await scene.sign(request, ben), await scene.sign(request, eve)]
    await scene.import(...signatures)
    const refused = await scene.refused('ceremony', 'publish', '--data', scene.data)
    assert.equal(refused.code, 'threshold-not-met', 'the old ones alone cannot make new ones')
    await scene.import(await scene.sign(request, finn))
    await scene.publish()
    assert.equal(await release(), 2)
    await scene.ceremony(['--renew', 'all'], [eve, finn])
    assert.equal(await release(), 3)
  })
})

test('one person becomes a team of three, two of whom have to sign', async () => {
  await using scene = await CeremonyScene.open()
  const solo = await scene.holder('solo')
  await scene.first([solo], 1)
  await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
  await using clients = await Followers.of(server.url)
  await clients.verify(server.url, PAGE)
  const people = [await scene.holder('anna'), await scene.holder('ben'), await scene.holder('cleo')] as const
  const keys = ['root', 'targets'].flatMap((role) => [
    `--${role}-threshold`,
    '2',
    ...people.flatMap(({ pub }) => [`--${role}-key`, pub]),
  ])
  await scene.ceremony(keys, [solo, people[0], people[2]])
  assert.equal((await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))).status, 200)
  const { root, sha256 } = await clients.verify(server.url, PAGE)
  assert.equal(root, 2)
  assert.notEqual(sha256, null)
  const request = await scene.begin('--renew', 'all')
  assert.match((await scene.refused('sign', request, '--key', solo.file, '--yes')).message, /may sign nothing/)
})

test('a stolen server: all its keys are replaced, and with the old ones nobody publishes anything any more', async () => {
  await using all = await team()
  const { scene, anna, cleo, server, clients, release } = all
  const stolen = join(scene.folder, 'stolen')
  await cp(scene.data, stolen, { recursive: true })
  // Nobody trusts that machine any more: the old keys are not needed for new ones.
  await rm(join(scene.data, 'keys'), { recursive: true })
  const published = await scene.ceremony(['--all-online', 'new'], [anna, cleo])
  assert.deepEqual(published['replaced'], ['timestamp', 'snapshot', 'deny', 'names', 'select', 'pages'])
  assert.equal(await release(), 2)

  // Who has the server's keys and everything else of it can still sign: for those who have not seen the new root.
  await using thief = await startWaxseal({ dataDir: stolen, args: ['--no-upstream'] })
  for (const version of ['6.0', '6.1', '6.2']) {
    assert.equal((await uploadFile(thief, buildWheel({ name: 'acme-hello', version }))).status, 200)
  }
  assert.equal(await clients.refuse(thief.url, PAGE), 'threshold-not-met')

  // And put back into the place of the new ones they are of no use to the index itself.
  const { sha256 } = await clients.verify(server.url, PAGE)
  await server.stop()
  await cp(join(stolen, 'keys'), join(scene.data, 'keys'), { recursive: true })
  const options = { dataDir: scene.data, args: ['--no-upstream'] }
  await assert.rejects(startWaxseal(options), /6 keys that sign it cannot be used/)
  const claim = await scene.run('project', 'status', 'acme-hello', 'archived', '--data', scene.data)
  await using reader = await startWaxseal({ ...options, args: ['--no-upstream', '--read-only'] })
  assert.deepEqual(await clients.verify(reader.url, PAGE), { sha256, root: 2 }, claim.stdout + claim.stderr)
})

test('RB-BAK: a backup from before a ceremony: the same request and signatures are published again, and clients go on', async () => {
  await using all = await team()
  const { scene, anna, ben, server, clients, release } = all
  const backup = join(scene.folder, 'backup')
  await cp(scene.data, backup, { recursive: true })
  const request = await scene.begin('--renew', 'root', 'targets')
  const signatures = [await scene.sign(request, anna), await scene.sign(request, ben)]
  await scene.import(...signatures)
  await scene.publish()
  assert.equal(await release(), 2)

  await server.stop()
  await using restored = await startWaxseal({ dataDir: backup, args: ['--no-upstream'] })
  // What `waxseal restore` does for the roles that a server signs: their versions are above all that was seen.
  for (const version of ['3.0', '3.1', '3.2']) {
    assert.equal((await uploadFile(restored, buildWheel({ name: 'acme-hello', version }))).status, 200)
  }
  assert.equal(await clients.refuse(restored.url, PAGE), 'rollback')
  await scene.done('ceremony', 'begin', '--data', backup, '--request', request)
  await scene.done('ceremony', 'import', '--data', backup, ...signatures)
  await scene.done('ceremony', 'publish', '--data', backup)
  const healed = await clients.verify(restored.url, PAGE)
  assert.equal(healed.root, 2)

  // Where the signed files are lost, too: signed anew, above what was seen.
  const next = join(scene.folder, 'next.json')
  await scene.done('ceremony', 'begin', '--data', backup, '--versions-above', '20', '--out', next)
  await scene.done('ceremony', 'import', '--data', backup, await scene.sign(next, anna), await scene.sign(next, ben))
  await scene.done('ceremony', 'publish', '--data', backup)
  assert.notEqual((await clients.verify(restored.url, PAGE)).sha256, null)
})

test('a ceremony that changes a key of the server outlives that the server renews the role meanwhile', async () => {
  await using scene = await CeremonyScene.open()
  const anna = await scene.holder('anna')
  await scene.first([anna], 1)
  const request = await scene.begin('--online', 'select=new')
  await scene.import(await scene.sign(request, anna))
  {
    using database = new DatabaseSync(join(scene.data, 'waxseal.db'))
    database.exec(`update tuf_file set expires_at = '2020-01-01T00:00:00.000Z' where role = 'select'`)
  }
  await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
  const select = async (version: number): Promise<Response> => await fetch(`${server.url}/tuf/${version}.select.json`)
  await until(
    () => select(2),
    ({ status }) => status === 200,
  )
  await using clients = await Followers.of(server.url)
  await clients.verify(server.url, PAGE)
  assert.match((await scene.run('ceremony', 'show', '--data', scene.data)).stdout, /Enough have signed/)
  assert.deepEqual((await scene.publish())['replaced'], ['select'])
  assert.equal((await select(3)).status, 200)
  assert.equal((await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))).status, 200)
  assert.notEqual((await clients.verify(server.url, PAGE)).sha256, null)

  // What people signed cannot be signed again for them: that is said at once, and in show.
  const kept = join(scene.folder, 'kept')
  await scene.begin('--renew', 'targets')
  await cp(join(scene.data, 'ceremony'), kept, { recursive: true })
  await scene.done('ceremony', 'abandon', '--data', scene.data)
  await scene.ceremony(['--renew', 'targets', 'bins'], [anna])
  await cp(kept, join(scene.data, 'ceremony'), { recursive: true })
  await scene.import(await scene.sign(join(kept, 'request.json'), anna))
  const { stdout } = await scene.run('ceremony', 'show', '--data', scene.data)
  assert.match(stdout, /holds no more: give it up/)
  assert.doesNotMatch(stdout, /waxseal ceremony publish/)
  assert.equal((await scene.refused('ceremony', 'publish', '--data', scene.data)).code, 'conflict')
})
