import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TrustRemote } from '../src/client/trust-io.ts'
import { TrustError } from '../src/error.ts'
import { writeTime } from '../src/timestamps.ts'
import { DAY_MS, HOUR_MS, RepositorySimulator, START } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

const OFFLINE: TrustRemote = {
  metadata: () => Promise.reject(new TrustError('fetch-failed', 'there is no network')),
  target: () => Promise.reject(new TrustError('fetch-failed', 'there is no network')),
}

suite('Freeze and expiry (attacks.md FZ-*)', { concurrency: true }, () => {
  void test('FZ-TS: a repeated timestamp is believed until it expires, not at that moment any more', async () => {
    await using visitor = await visit()
    visitor.now = START + 30 * DAY_MS - 1
    await visitor.client.refresh()
    visitor.now += 1
    await visitor.refused('expired')
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
  })

  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    void test(`FZ-TS: a new ${role} that has expired is refused`, async () => {
      await using visitor = await visit()
      const { repository } = visitor
      const document = role === 'targets' ? repository.role(role) : repository[role]
      document.expires = writeTime(START)
      await repository.publish('targets')
      await visitor.refused('expired', {
        ...(role === 'timestamp' ? {} : { 'timestamp.json': repository.file('timestamp.json') }),
        ...(role === 'targets' ? { 'snapshot.json': repository.file('2.snapshot.json') } : {}),
      })
    })

    void test(`FZ-TS: a stored ${role} that has expired since is not worked with, and a newer one is taken`, async () => {
      await using visitor = await Visitor.arrive(await RepositorySimulator.create())
      const { repository } = visitor
      const document = role === 'targets' ? repository.role(role) : repository[role]
      document.expires = writeTime(START + DAY_MS)
      await repository.publish('targets')
      await visitor.client.refresh()
      visitor.now = START + 2 * DAY_MS
      await visitor.refused('expired', {}, () => visitor.client.find('file'))
      await visitor.refused('expired')
      await visitor.restart()
      await visitor.refused('expired')
      document.expires = writeTime(START + 4 * DAY_MS)
      await repository.publish('targets')
      await visitor.client.refresh()
      assert.equal(await visitor.version(role), 3)
    })
  }

  void test('FZ-ROOT: a root that has expired is stored, and nothing after it asked for (5.3.10)', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.root.expires = writeTime(START)
    await repository.publishRoot()
    await repository.publish('targets')
    repository.requests.length = 0
    await visitor.refused('expired', { 'root.json': repository.file('2.root.json') })
    assert.deepEqual(repository.requests, ['2.root.json', '3.root.json'])
  })

  void test('FZ-ROOT: look-ups end with the root, too', async () => {
    const repository = await RepositorySimulator.create()
    repository.root.expires = writeTime(START + DAY_MS)
    await repository.publishRoot()
    await using visitor = await visit(repository)
    visitor.now = START + DAY_MS
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
  })

  void test('FZ-ROOT: after a new root nothing is answered by the old one, however the refresh ends', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    await repository.publishRoot()
    repository.files.delete('timestamp.json')
    await visitor.refused('fetch-failed', { 'root.json': repository.file('2.root.json') })
    await visitor.refused('state-invalid', {}, () => visitor.client.find('file'))
  })

  void test('FZ-ROOT: a root on the way that has expired is passed', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const { expires } = repository.root
    repository.root.expires = writeTime(START)
    await repository.publishRoot()
    repository.root.expires = expires
    await repository.publishRoot()
    await visitor.client.refresh()
    assert.equal(await visitor.version('root'), 3)
  })

  void test('FZ-ROLE: a delegated role that has expired is refused, new or stored; a newer one is taken', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    repository.role('a').expires = writeTime(START)
    repository.addTarget('a', 'file', 'content')
    await repository.publish('targets', 'a')
    await using visitor = await visit(repository)
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
    repository.role('a').expires = writeTime(START + DAY_MS)
    await repository.publish('a')
    await visitor.client.refresh()
    assert.equal((await visitor.client.find('file')).kind, 'found')
    visitor.now = START + DAY_MS
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
    await visitor.restart()
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
    repository.role('a').expires = writeTime(START + 2 * DAY_MS)
    await repository.publish('a')
    await visitor.client.refresh()
    assert.equal((await visitor.client.find('file')).kind, 'found')
  })

  void test('FZ-ROLE: a role that is withheld, or an old one in its place, ends the search', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    repository.delegate('targets', 'b')
    repository.addTarget('b', 'file', 'content')
    await repository.publish('targets', 'a', 'b')
    const old = repository.file('1.a.json')
    await repository.publish('a')
    await using visitor = await visit(repository)
    repository.files.delete('2.a.json')
    await visitor.refused('missing-role', {}, () => visitor.client.find('file'))
    repository.files.set('2.a.json', old)
    await visitor.refused('version-mismatch', {}, () => visitor.client.find('file'))
  })

  void test('FZ-CLK: a clock that was set back does not bring old times back', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    const { repository } = visitor
    repository.timestamp['x-issued'] = writeTime(START + 15 * HOUR_MS)
    repository.snapshot.expires = writeTime(START + 15 * HOUR_MS)
    await repository.publish()
    // The snapshot has expired by the time that the timestamp was signed at.
    await visitor.refused('expired', { 'timestamp.json': repository.file('timestamp.json') })
    repository.timestamp['x-issued'] = writeTime(START + 2 * DAY_MS)
    repository.snapshot.expires = writeTime(START + 40 * DAY_MS)
    await repository.publish('targets')
    visitor.now = START + 2 * DAY_MS
    await visitor.client.refresh()
    // A restarted client remembers, and a later timestamp that claims an earlier time changes nothing.
    visitor.now = START - 365 * DAY_MS
    await visitor.restart()
    repository.timestamp['x-issued'] = writeTime(START - 365 * DAY_MS)
    repository.role('targets').expires = writeTime(START + DAY_MS)
    await repository.publish('targets')
    await visitor.refused('expired', {
      'timestamp.json': repository.file('timestamp.json'),
      'snapshot.json': repository.file(`${repository.snapshot.version}.snapshot.json`),
    })
  })

  void test('FZ-CLK: a timestamp is not believed after its own end, whatever the clock says', async () => {
    await using visitor = await visit()
    visitor.repository.timestamp['x-issued'] = visitor.repository.timestamp.expires = writeTime(START + HOUR_MS)
    await visitor.repository.publishTimestamp()
    await visitor.refused('expired')
  })

  void test('FZ-CLK: look-ups, too, go by the newest time seen, after the clock was set back', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.timestamp['x-issued'] = writeTime(START + DAY_MS)
    repository.timestamp.expires = writeTime(START + 2 * DAY_MS)
    await repository.publishTimestamp()
    visitor.now = START + DAY_MS
    await visitor.client.refresh()
    repository.delegate('targets', 'a')
    repository.role('a').expires = writeTime(START + DAY_MS)
    await repository.publish('targets', 'a')
    await visitor.client.refresh()
    visitor.now = START
    await visitor.refused('expired', {}, () => visitor.client.find('file'))
  })

  void test('a timestamp of a clock that is too far ahead of ours is not adopted, and it is said by how much', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.timestamp['x-issued'] = writeTime(START + 17 * HOUR_MS)
    await repository.publish('targets')
    await visitor.refused('clock-skewed')
    await assert.rejects(visitor.client.refresh(), {
      message:
        'The timestamp was signed at 2030-01-01T17:00:00Z, 17 hours after the time here, 2030-01-01T00:00:00Z: ' +
        "the repository's clock is ahead, or this machine's is behind.",
    })
    // Not the newest time that was seen: that would let one server's clock walk away, step by step.
    repository.timestamp['x-issued'] = writeTime(START + 15 * HOUR_MS)
    await repository.publishTimestamp()
    await visitor.client.refresh()
    repository.timestamp['x-issued'] = writeTime(START + 30 * HOUR_MS)
    await repository.publishTimestamp()
    await visitor.refused('clock-skewed')
    repository.timestamp['x-issued'] = writeTime(START + HOUR_MS)
    await repository.publish('targets')
    await visitor.client.refresh()
    assert.equal(visitor.client.snapshot, repository.snapshot.version)
  })

  void test('a clock that was ahead for one publish, and is right now, locks nobody out', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const publishAt = async (time: number) => {
      repository.timestamp['x-issued'] = writeTime(time)
      repository.timestamp.expires = writeTime(time + DAY_MS)
      await repository.publish('targets')
    }
    await publishAt(START + 15 * HOUR_MS)
    await visitor.client.refresh()
    for (const hours of [0, 1, 2, 15, 16]) {
      visitor.now = START + hours * HOUR_MS
      await publishAt(visitor.now)
      await visitor.client.refresh()
      await visitor.client.find('file')
      await visitor.restart()
      await visitor.client.refresh()
    }
    assert.equal(visitor.client.snapshot, repository.snapshot.version)
  })

  void test('FZ-CLK: a time that a stolen key claimed goes with that key', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.timestamp['x-issued'] = writeTime(START + 15 * HOUR_MS)
    repository.timestamp.expires = writeTime(START + 2000 * DAY_MS)
    repository.snapshot.expires = writeTime(START + HOUR_MS)
    await repository.publish()
    await visitor.refused('expired', { 'timestamp.json': repository.file('timestamp.json') })
    delete repository.timestamp['x-issued']
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publishTimestamp()
    await visitor.client.refresh()
  })

  void test('the time of one refresh is fixed at its start (5.1)', async () => {
    const repository = await RepositorySimulator.create()
    let asked = 0
    await using visitor = await Visitor.arrive(repository, {
      metadata: (name, limits) => {
        asked += 1
        if (asked === 2) visitor.now = START + 30 * DAY_MS
        return repository.metadata(name, limits)
      },
      target: (path, limits) => repository.target(path, limits),
    })
    await visitor.client.refresh()
    assert.equal(await visitor.version('targets'), 1)
    await visitor.refused('expired')
  })

  void test('without network, what is stored answers until it expires, and what is not stored is an error', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a', { paths: ['a/*'] })
    repository.delegate('targets', 'b', { paths: ['b/*'] })
    repository.addTarget('a', 'a/file', 'content')
    await repository.publish('targets', 'a', 'b')
    await using visitor = await visit(repository)
    await visitor.client.find('a/file')
    await visitor.restart(OFFLINE)
    await visitor.refused('fetch-failed')
    assert.equal((await visitor.client.find('a/file')).kind, 'found')
    await visitor.refused('fetch-failed', {}, () => visitor.client.find('b/file'))
    visitor.now = START + 30 * DAY_MS
    await visitor.refused('expired', {}, () => visitor.client.find('a/file'))
  })

  void test('a refresh that fails half way leaves look-ups with the set that was whole', async () => {
    const repository = await RepositorySimulator.create()
    repository.addTarget('targets', 'file', 'content')
    await repository.publish('targets')
    await using visitor = await visit(repository)
    repository.role('targets').targets.clear()
    await repository.publish('targets')
    repository.files.delete('3.snapshot.json')
    await visitor.refused('missing-role', { 'timestamp.json': repository.file('timestamp.json') })
    assert.equal((await visitor.client.find('file')).kind, 'found')
    // A process that starts now has no whole set: it says so, and does not take one for the other.
    await visitor.restart()
    await visitor.refused('state-invalid', {}, () => visitor.client.find('file'))
  })

  void test('without a timestamp there is nothing to go by', async () => {
    await using visitor = await visit()
    visitor.repository.files.delete('timestamp.json')
    await visitor.refused('fetch-failed')
  })

  void test('before the first refresh there is nothing to answer from', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    await visitor.refused('state-invalid', {}, () => visitor.client.find('file'))
  })
})
