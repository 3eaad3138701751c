import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { writeMetadata } from '../src/write-metadata.ts'
import { newSigner, RepositorySimulator, secondId } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

suite('Rollback (attacks.md RB-*)', { concurrency: true }, () => {
  void test('RB-TS: an older timestamp is refused', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const old = repository.file('timestamp.json')
    await repository.publishTimestamp()
    await visitor.client.refresh()
    repository.files.set('timestamp.json', old)
    await visitor.refused('rollback')
    await visitor.restart()
    await visitor.refused('rollback')
  })

  void test('RB-TS: the same timestamp again changes nothing, and nothing more is requested', async () => {
    await using visitor = await visit()
    const before = await visitor.stored()
    visitor.repository.requests.length = 0
    assert.deepEqual(await visitor.client.refresh(), { snapshot: 1, changed: false, equivocation: false })
    assert.deepEqual(visitor.repository.requests, ['2.root.json', 'timestamp.json'])
    assert.deepEqual(await visitor.stored(), before)
  })

  for (const listHashes of [false, true]) {
    void test(`RB-SN: a newer timestamp that names an older snapshot is refused (hashes: ${listHashes})`, async () => {
      const repository = await RepositorySimulator.create()
      repository.listHashes = listHashes
      await repository.publish()
      await using visitor = await visit(repository)
      repository.snapshot.version = 0
      await repository.publish()
      await visitor.refused('rollback')
      assert.equal(repository.requests.at(-1), 'timestamp.json')
      await visitor.restart()
      await visitor.refused('rollback')
    })

    void test(`RB-TG: a snapshot that lists an older targets role is refused (hashes: ${listHashes})`, async () => {
      const repository = await RepositorySimulator.create()
      repository.listHashes = listHashes
      await repository.publish('targets')
      await using visitor = await visit(repository)
      repository.role('targets').version = 0
      await repository.publish('targets')
      await visitor.refused('rollback', { 'timestamp.json': repository.file('timestamp.json') })
      await visitor.restart()
      await visitor.refused('rollback')
    })
  }

  void test('RB-DEL: a snapshot that lists an older delegated role is refused, whether the role was ever fetched or not', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    await repository.publish('targets', 'a')
    await repository.publish('a')
    await using visitor = await visit(repository)
    repository.role('a').version = 0
    await repository.publish('a')
    await visitor.refused('rollback', { 'timestamp.json': repository.file('timestamp.json') })
  })

  void test('RB-ROOT: a root that repeats or skips a version is refused', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.files.set('2.root.json', repository.firstRoot)
    await visitor.refused('rollback')
    await repository.publishRoot()
    await repository.publishRoot()
    repository.files.set('2.root.json', repository.file('3.root.json'))
    await visitor.refused('version-mismatch')
  })

  void test('RB-RM: a snapshot that leaves out a role is refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    await repository.publish('targets', 'a')
    await using visitor = await visit(repository)
    repository.snapshot.meta.delete('a.json')
    await repository.publish()
    await visitor.refused('rollback', { 'timestamp.json': repository.file('timestamp.json') })
  })

  void test('RB-LEN: a timestamp of the trusted version that says something else is discarded, and told of', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const before = await visitor.stored()
    repository.timestamp.version -= 1
    repository.timestamp.meta['snapshot.json'].version = 100
    await repository.publishTimestamp()
    assert.deepEqual(await visitor.client.refresh(), { snapshot: 1, changed: false, equivocation: true })
    assert.equal(repository.requests.at(-1), 'timestamp.json')
    assert.deepEqual(await visitor.stored(), before)
  })

  void test('RB-LEN: a timestamp of the trusted version that was only signed again is the same', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const signers = [...(repository.signers.get('timestamp') ?? []), newSigner()]
    repository.files.set('timestamp.json', await writeMetadata(repository.timestamp, signers))
    assert.equal((await visitor.client.refresh()).equivocation, false)
  })

  void test('RB-LEN: another snapshot under the trusted version is refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    await repository.publish('targets')
    await using visitor = await visit(repository)
    repository.snapshot.version -= 1
    repository.snapshot.meta.set('other.json', { version: 1 })
    await repository.publish()
    await visitor.refused('equivocation', { 'timestamp.json': repository.file('timestamp.json') })
  })

  void test('RB-LEN: the trusted snapshot with one more signature is taken', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    await repository.publish('targets')
    await using visitor = await visit(repository)
    repository.addKey('snapshot')
    await repository.publishRoot()
    repository.snapshot.version -= 1
    await repository.publish()
    await visitor.client.refresh()
    assert.equal((await visitor.stored()).get('snapshot.json'), repository.file('2.snapshot.json').toString())
  })
})

suite('Fast-forward recovery (attacks.md FF-*; specification 5.3.11)', { concurrency: true }, () => {
  void test('FF-TS: a new timestamp key makes the stored timestamp void', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.timestamp.version = 10 ** 9
    await repository.publishTimestamp()
    await visitor.client.refresh()
    repository.timestamp.version = 0
    await repository.publishTimestamp()
    await visitor.refused('rollback')
    repository.rotate('timestamp')
    await repository.publishRoot()
    repository.timestamp.version = 0
    await repository.publishTimestamp()
    await visitor.client.refresh()
    assert.equal(await visitor.version('timestamp'), 1)
  })

  void test('FF-SN, FF-TG: a new snapshot key makes the stored timestamp and snapshot void', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.snapshot.version = 10 ** 9
    repository.role('targets').version = 10 ** 9
    await repository.publish('targets')
    await visitor.client.refresh()
    repository.rotate('snapshot')
    await repository.publishRoot()
    repository.snapshot.version = 0
    repository.role('targets').version = 0
    await repository.publish('targets')
    await visitor.client.refresh()
    assert.equal(await visitor.version('snapshot'), 1)
    assert.equal(await visitor.version('targets'), 1)
  })

  void test('FF-TS: one of two keys taken away is enough, in a restarted client too', async () => {
    const repository = await RepositorySimulator.create()
    repository.addKey('timestamp')
    await repository.publishRoot()
    await repository.publishTimestamp()
    await using visitor = await visit(repository)
    repository.timestamp.version = 10 ** 9
    await repository.publishTimestamp()
    await visitor.client.refresh()
    repository.root.roles.timestamp.keyids.shift()
    await repository.publishRoot()
    repository.timestamp.version = 0
    await repository.publishTimestamp()
    await visitor.restart()
    await visitor.client.refresh()
    assert.equal(await visitor.version('timestamp'), 1)
  })

  void test('a key that is only added makes nothing void: a rollback behind it is still refused', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const old = repository.file('timestamp.json')
    await repository.publishTimestamp()
    await visitor.client.refresh()
    repository.addKey('timestamp')
    repository.addKey('snapshot')
    await repository.publishRoot()
    repository.files.set('timestamp.json', old)
    await visitor.refused('rollback', { 'root.json': repository.file('2.root.json') })
  })

  void test('a key that only one of its ids is taken from makes nothing void (attacks.md ARB-3)', async () => {
    const repository = await RepositorySimulator.create()
    const [signer] = repository.signers.get('timestamp') ?? []
    assert.ok(signer !== undefined)
    const { keyid, document } = secondId(signer)
    repository.root.keys.set(keyid, document)
    repository.root.roles.timestamp.keyids.push(keyid)
    await repository.publishRoot()
    const renamed = { key: { ...signer.key, keyid }, sign: (bytes: Uint8Array) => signer.sign(bytes) }
    repository.signers.set('timestamp', [signer, renamed])
    await repository.publishTimestamp()
    const old = repository.file('timestamp.json')
    await repository.publishTimestamp()
    await using visitor = await visit(repository)
    repository.root.roles.timestamp.keyids.shift()
    await repository.publishRoot()
    repository.files.set('timestamp.json', old)
    await visitor.refused('rollback', { 'root.json': repository.file('3.root.json') })
  })

  void test('what the stored timestamp allowed is gone when the root is stored, however the process ends', async () => {
    const repository = await RepositorySimulator.create()
    repository.addKey('timestamp')
    await repository.publishRoot()
    await repository.publishTimestamp()
    await using visitor = await visit(repository)
    repository.root.roles.timestamp.keyids.shift()
    await repository.publishRoot()
    repository.files.delete('timestamp.json')
    await assert.rejects(visitor.client.refresh(), /no timestamp/)
    assert.deepEqual([...(await visitor.stored()).keys()], ['root.json', 'targets.json'])
  })
})

void test('FF-JS: versions that JavaScript cannot tell apart are refused before they are compared', async () => {
  for (const version of ['9007199254740993', '1e400', '-0', '"7"', '1.5', '0', '-1', 'null']) {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    const { repository } = visitor
    const text = Buffer.from(repository.file('timestamp.json')).toString()
    const tampered = text.replace(/"version":1\}\}$/, `"version":${version}}}`)
    assert.notEqual(tampered, text)
    repository.files.set('timestamp.json', Buffer.from(tampered))
    await assert.rejects(visitor.client.refresh(), { code: /^(json|metadata)-invalid$/ })
    assert.deepEqual([...(await visitor.stored()).keys()], ['root.json'])
  }
})
