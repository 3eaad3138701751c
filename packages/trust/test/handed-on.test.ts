import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { DirectoryState } from '../src/client/directory-state.ts'
import { raiseState, readHandedOn, trustedIn } from '../src/client/handed-on.ts'
import type { HandedOn } from '../src/client/handed-on.ts'
import { writeTime } from '../src/timestamps.ts'
import { DAY_MS, RepositorySimulator, START } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

/** What a visitor hands on whose root is still the first one. */
async function handedBy({ folder }: Visitor): Promise<HandedOn> {
  return await trustedIn(await DirectoryState.open(folder))
}

/** Somebody who begins with that. */
async function beginner(given: HandedOn, repository: RepositorySimulator): Promise<Visitor> {
  const visitor = await Visitor.arrive(repository)
  await raiseState(await DirectoryState.open(visitor.folder), given)
  await visitor.restart()
  return visitor
}

/** What is signed now is over the day after. */
function endsSoon({ timestamp, snapshot }: RepositorySimulator): void {
  for (const document of [timestamp, snapshot]) document.expires = writeTime(START + DAY_MS)
}

function lasts({ timestamp, snapshot }: RepositorySimulator): void {
  for (const document of [timestamp, snapshot]) document.expires = writeTime(START + 30 * DAY_MS)
}

suite('What one client hands on to another', { concurrency: true }, () => {
  for (const days of [0, 2]) {
    void test(`RB-TS: is a floor for the timestamp (5.4.3.1), ${days} days later, when it has expired`, async () => {
      const repository = await RepositorySimulator.create()
      const old = repository.file('timestamp.json')
      endsSoon(repository)
      await repository.publish()
      await using visitor = await visit(repository)
      await using other = await beginner(await handedBy(visitor), repository)
      repository.files.set('timestamp.json', old)
      other.now += days * DAY_MS
      await other.refused('rollback')
    })

    void test(`RB-DEL: is a floor for each role (5.5.5), ${days} days later, when it has expired`, async () => {
      const repository = await RepositorySimulator.create()
      repository.delegate('targets', 'a')
      await repository.publish('targets', 'a')
      endsSoon(repository)
      await repository.publish('a')
      await using visitor = await visit(repository)
      await using other = await beginner(await handedBy(visitor), repository)
      lasts(repository)
      repository.role('a').version = 0
      await repository.publish('a')
      other.now += days * DAY_MS
      await other.refused('rollback', { 'timestamp.json': repository.file('timestamp.json') })
    })
  }

  void test('is kept where it is newer, and what was seen where that is', async () => {
    await using early = await visit()
    const { repository } = early
    const older = await handedBy(early)
    await repository.publish('targets')
    await using late = await visit(repository)
    const newer = await handedBy(late)
    await raiseState(await DirectoryState.open(early.folder), newer)
    assert.equal(await early.version('snapshot'), 2)
    assert.equal(await early.version('timestamp'), await late.version('timestamp'))
    const stored = await late.stored()
    await raiseState(await DirectoryState.open(late.folder), older)
    assert.deepEqual(await late.stored(), stored)
  })

  void test('KC-3: is refused where the two were shown different histories', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    await repository.publish('targets', 'a')
    await using visitor = await visit(repository)
    await repository.publish('a')
    await using honest = await visit(repository)
    const given = await handedBy(honest)
    repository.role('a').version = 0
    await repository.publish('a')
    await visitor.client.refresh()
    const raise = async (): Promise<void> => raiseState(await DirectoryState.open(visitor.folder), given)
    await visitor.refused('rollback', {}, raise)
    repository.snapshot.version -= 2
    await repository.publish('a', 'a')
    await using twin = await Visitor.arrive(repository)
    await twin.client.refresh()
    await twin.refused('equivocation', {}, async () => raiseState(await DirectoryState.open(twin.folder), given))
  })

  void test('FF-TS: is no floor under a root that has replaced its keys since (5.3.11)', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.timestamp.version = 999
    await repository.publish('targets')
    await visitor.client.refresh()
    const given = await handedBy(visitor)
    repository.timestamp.version = 1
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publish()
    await using other = await visit(repository)
    const stored = await other.stored()
    await raiseState(await DirectoryState.open(other.folder), given)
    assert.deepEqual(await other.stored(), stored)
  })

  void test('is verified from the first root to the snapshot, each by the one before', async () => {
    const repository = await RepositorySimulator.create()
    await using visitor = await visit(repository)
    await repository.publishRoot()
    await repository.publish('targets')
    await visitor.client.refresh()
    const { rootVersion, ...given } = await trustedIn(await DirectoryState.open(visitor.folder))
    assert.equal(rootVersion, 2)
    const [newest] = given.roots
    const whole: HandedOn = { ...given, roots: [repository.firstRoot, newest] }
    assert.equal(readHandedOn(whole).root.signed.version, 2)
    const stranger = await RepositorySimulator.create()
    const cases: readonly (readonly [string, HandedOn])[] = [
      ['rollback', { ...whole, roots: [repository.firstRoot, newest, newest] }],
      ['threshold-not-met', { ...whole, roots: [stranger.firstRoot, newest] }],
      ['threshold-not-met', { ...whole, timestamp: stranger.file('timestamp.json') }],
      ['version-mismatch', { ...whole, snapshot: repository.file('1.snapshot.json') }],
    ]
    for (const [code, changed] of cases) assert.throws(() => readHandedOn(changed), { code })
  })
})
