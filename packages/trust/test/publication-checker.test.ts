import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PublicationChecker } from '../src/client/publication-checker.ts'
import type { Publication } from '../src/client/publication-checker.ts'
import type { TrustErrorCode } from '../src/error.ts'
import { keyDocument } from '../src/public-key.ts'
import { writeTime } from '../src/timestamps.ts'
import { DAY_MS, HOUR_MS, newSigner, RepositorySimulator, START } from './support/repository-simulator.ts'

/** What was published before, and what a publisher has in memory now. */
class Publisher {
  readonly repository: RepositorySimulator
  checker: PublicationChecker
  #before: Map<string, Uint8Array>

  private constructor(repository: RepositorySimulator, checker: PublicationChecker) {
    this.repository = repository
    this.checker = checker
    this.#before = new Map(repository.files)
  }

  static async start(listHashes = false): Promise<Publisher> {
    const repository = await RepositorySimulator.create()
    repository.listHashes = listHashes
    repository.delegate('targets', 'shard', { paths: ['names/*'] })
    repository.delegate('targets', 'bins', { paths: ['simple/*/*'], terminating: true })
    repository.delegate('shard', 'p.six', { paths: ['projects/six/*'] })
    repository.delegateBins('bins', 'bin', 3)
    await repository.publish(...repository.roles.keys())
    return new Publisher(repository, await open(repository))
  }

  /** The files that are new since the last publication that went out. */
  get publication(): Publication {
    const { files } = this.repository
    const isNew = (name: string) => files.get(name) !== this.#before.get(name)
    const roles = new Map<string, Uint8Array>()
    const roots: Uint8Array[] = []
    for (const [name, bytes] of files) {
      const [, role = ''] = /^\d+\.(.*)\.json$/.exec(name) ?? []
      if (!isNew(name) || role === '' || role === 'snapshot') continue
      if (role === 'root') roots.push(bytes)
      else roles.set(role, bytes)
    }
    const snapshotName = `${this.repository.snapshot.version}.snapshot.json`
    return {
      roots,
      roles,
      timestamp: this.repository.file('timestamp.json'),
      snapshot: isNew(snapshotName) ? this.repository.file(snapshotName) : undefined,
    }
  }

  /** Checks and lets out. */
  publish(): void {
    this.checker.adopt(this.checker.check(this.publication, START))
    this.#before = new Map(this.repository.files)
  }

  refuses(code: TrustErrorCode, changes: Partial<Publication> = {}): void {
    const { snapshot } = this.checker
    assert.throws(() => this.checker.check({ ...this.publication, ...changes }, START), { code })
    assert.equal(this.checker.snapshot, snapshot)
  }
}

/** A second one who delegates to `p.six`, by a key of its own; both sign it. */
async function withTwoDelegators(repository: RepositorySimulator): Promise<void> {
  repository.delegate('targets', 'claimed', { paths: ['names/*'] })
  repository.delegate('claimed', 'p.six', { paths: ['projects/six/*'] })
  await repository.publish('targets', 'claimed', 'p.six')
}

/** Without one of the keys that signed it. */
async function signByAllBut(repository: RepositorySimulator, role: string, left: number): Promise<void> {
  repository.signers.set(role, repository.signers.get(role)?.toSpliced(left, 1) ?? [])
  await repository.publish(role)
}

type Wrong = readonly [code: TrustErrorCode, make: (repository: RepositorySimulator) => Promise<void>]

/** What nobody may see, whether it is about to be published or is found as published. */
const WRONG: Readonly<Record<string, Wrong>> = {
  'FZ-ROOT: a root that has expired': [
    'expired',
    async (repository) => {
      repository.root.expires = writeTime(START)
      await repository.publishRoot()
      await repository.publish('bin-1')
    },
  ],
  'FZ-TS: a timestamp that has expired': [
    'expired',
    async (repository) => {
      repository.timestamp.expires = writeTime(START)
      await repository.publishTimestamp()
    },
  ],
  'FZ-SN: a snapshot that has expired': [
    'expired',
    async (repository) => {
      repository.snapshot.expires = writeTime(START)
      await repository.publish()
    },
  ],
  'FZ-ROLE: a role that has expired': [
    'expired',
    async (repository) => {
      repository.role('p.six').expires = writeTime(START)
      await repository.publish('p.six')
    },
  ],
  'MM-1: another snapshot than the timestamp has the hash of': [
    'hash-mismatch',
    async (repository) => {
      await repository.publishSnapshot()
      repository.timestamp.meta['snapshot.json'].hashes = { sha256: '0'.repeat(64) }
      await repository.publishTimestamp()
    },
  ],
  'MM-1: a snapshot of another length than the timestamp says': [
    'length-mismatch',
    async (repository) => {
      await repository.publishSnapshot()
      repository.timestamp.meta['snapshot.json'].length = 100
      await repository.publishTimestamp()
    },
  ],
  'MM-1: the snapshot that is out, with another hash': [
    'hash-mismatch',
    async (repository) => {
      repository.timestamp.meta['snapshot.json'].hashes = { sha256: '0'.repeat(64) }
      await repository.publishTimestamp()
    },
  ],
  'a snapshot of another version than the timestamp says': [
    'version-mismatch',
    async (repository) => {
      const next = repository.snapshot.version + 1
      repository.files.set(`${next}.snapshot.json`, repository.file(`${repository.snapshot.version}.snapshot.json`))
      repository.timestamp.meta['snapshot.json'].version = next
      await repository.publishTimestamp()
    },
  ],
  'MM-1: a role that the snapshot has another hash of': [
    'hash-mismatch',
    async (repository) => {
      await repository.publishRole('bin-1')
      repository.snapshot.meta.set('bin-1.json', { version: 2, hashes: { sha256: '0'.repeat(64) } })
      await repository.publish()
    },
  ],
  'a role of another version than the snapshot says': [
    'version-mismatch',
    async (repository) => {
      await repository.publishRole('bin-1')
      repository.files.set('3.bin-1.json', repository.file('2.bin-1.json'))
      repository.snapshot.meta.set('bin-1.json', { version: 3 })
      await repository.publish()
    },
  ],
  'ARB-2: a root that the keys before have not signed': [
    'threshold-not-met',
    async (repository) => {
      await repository.publishRoot([newSigner()])
      await repository.publish('bin-1')
    },
  ],
  'ARB-2: the snapshot that is out, under a root that names other keys for it': [
    'threshold-not-met',
    async (repository) => {
      repository.rotate('snapshot')
      await repository.publishRoot()
      await repository.publishTimestamp()
    },
  ],
  'DEL-6: a role that only the second who delegates to it would take': [
    'threshold-not-met',
    async (repository) => {
      await withTwoDelegators(repository)
      await signByAllBut(repository, 'p.six', 0)
    },
  ],
  'DEL-6: a role that only the first who delegates to it would take': [
    'threshold-not-met',
    async (repository) => {
      await withTwoDelegators(repository)
      await signByAllBut(repository, 'p.six', 1)
    },
  ],
  ...Object.fromEntries(
    ['timestamp', 'snapshot', 'targets', 'shard', 'bins', 'bin-1', 'p.six'].map((role): [string, Wrong] => [
      `ARB-2: ${role}, signed by another key`,
      [
        'threshold-not-met',
        async (repository) => {
          repository.signers.set(role, [newSigner()])
          await repository.publish(...(repository.roles.has(role) ? [role] : []))
        },
      ],
    ]),
  ),
  'a delegation to a role that is not in the snapshot': [
    'missing-role',
    async (repository) => {
      repository.delegate('shard', 'p.ghost', { paths: ['projects/ghost/*'] })
      await repository.publish('shard')
    },
  ],
}

async function open(repository: RepositorySimulator, whole = true): Promise<PublicationChecker> {
  return await PublicationChecker.open({ root: repository.firstRoot, remote: repository, now: START, whole })
}

suite('The check of a publication before it goes out', { concurrency: true }, () => {
  for (const listHashes of [false, true]) {
    void test(`one publication after the other passes (hashes in the snapshot: ${listHashes})`, async () => {
      const publisher = await Publisher.start(listHashes)
      const { repository } = publisher
      for (const role of ['bin-3', 'bin-7', 'p.six', 'shard', 'bins', 'targets']) {
        repository.addTarget(role, 'some/file', role)
        await repository.publish(role)
        publisher.publish()
      }
      await repository.publish('bin-0', 'bin-1', 'p.six', 'targets')
      publisher.publish()
      await repository.publishTimestamp()
      publisher.publish()
      // A new role under a shard, and new keys for one that is there: signed anew in the same publication.
      repository.delegate('shard', 'p.new', { paths: ['projects/new/*'] })
      await repository.publish('shard', 'p.new')
      publisher.publish()
      await repository.publishRoot()
      await repository.publish()
      publisher.publish()
      assert.equal(publisher.checker.snapshot, repository.snapshot.version)
      // It knows what one knows that is opened now.
      const opened = await PublicationChecker.open({
        root: repository.file('2.root.json'),
        remote: repository,
        now: START,
        whole: true,
      })
      await repository.publish('p.new')
      opened.check(publisher.publication, START)
      publisher.publish()
    })
  }

  for (const role of ['bin-3', 'p.six', 'targets']) {
    void test(`FZ-ROLE: after keys were revoked, too, a snapshot without ${role} is refused`, async () => {
      const publisher = await Publisher.start()
      const { repository } = publisher
      repository.rotate('timestamp')
      repository.rotate('snapshot')
      await repository.publishRoot()
      repository.snapshot.meta.delete(`${role}.json`)
      await repository.publish()
      publisher.refuses('missing-role')
    })
  }

  void test('a check changes nothing: it can be made again, and another publication be taken instead', async () => {
    const publisher = await Publisher.start()
    await publisher.repository.publish('bin-1')
    const { publication } = publisher
    publisher.checker.check(publication, START)
    publisher.checker.check(publication, START)
    await publisher.repository.publish('bin-1')
    publisher.publish()
    publisher.refuses('version-mismatch')
  })

  for (const [what, [code, make]] of Object.entries(WRONG)) {
    void test(`refused, before it is published and when it was: ${what}`, async () => {
      const publisher = await Publisher.start()
      const { repository } = publisher
      await open(repository)
      await make(repository)
      publisher.refuses(code)
      await assert.rejects(open(repository), { code })
    })
  }

  void test('a role that nobody delegates to is not published, and one that was is let go with revoked keys alone', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    repository.roles.set('stray', repository.newTargets())
    await repository.publish('stray')
    publisher.refuses('missing-role')
    repository.snapshot.meta.delete('stray.json')
    repository.delegate('shard', 'p.old')
    await repository.publish('shard', 'p.old')
    await repository.publish('p.old')
    // The stray file is none of this publication.
    repository.files.delete('1.stray.json')
    publisher.publish()
    repository.role('shard').delegations?.roles?.pop()
    await repository.publish('shard')
    publisher.publish()
    repository.rotate('snapshot')
    await repository.publishRoot()
    repository.snapshot.meta.delete('p.old.json')
    await repository.publish()
    publisher.publish()
    // It begins again: nobody compares with what was revoked.
    repository.role('p.old').version = 0
    repository.delegate('shard', 'p.old')
    await repository.publish('shard', 'p.old')
    publisher.publish()
  })

  void test('a threshold that is raised needs the role signed anew', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    const second = newSigner()
    const delegation = repository.role('shard').delegations?.roles?.find(({ name }) => name === 'p.six')
    assert.ok(delegation)
    delegation.keyids.push(second.key.keyid)
    repository.role('shard').delegations?.keys.set(second.key.keyid, keyDocument(second.key))
    await repository.publish('shard', 'p.six')
    publisher.publish()
    delegation.threshold = 2
    await repository.publish('shard')
    publisher.refuses('missing-role')
    await repository.publish('p.six')
    publisher.refuses('threshold-not-met')
    repository.signers.get('p.six')?.push(second)
    await repository.publish('p.six')
    publisher.publish()
  })

  void test('RB-*: versions that go back, or a role that is left out, are refused', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    await repository.publish('bin-1', 'targets')
    publisher.publish()
    repository.role('bin-1').version = 0
    await repository.publish('bin-1')
    publisher.refuses('rollback')
    repository.role('bin-1').version = 2
    await repository.publish('bin-1')
    publisher.publish()
    repository.snapshot.meta.delete('p.six.json')
    await repository.publish()
    publisher.refuses('rollback')
  })

  void test('a role that is missing, or is another than the snapshot lists, is refused', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    await repository.publish('bin-1', 'bin-2')
    const { roles } = publisher.publication
    publisher.refuses('missing-role', { roles: new Map([...roles].slice(1)) })
    publisher.refuses('version-mismatch', { roles: new Map(roles).set('bin-2', repository.file('1.bin-2.json')) })
    publisher.refuses('missing-role', { roles: new Map(roles).set('bin-8', repository.file('1.bin-2.json')) })
    publisher.refuses('version-mismatch', { snapshot: undefined })
  })

  void test('a delegation to a role that is nowhere, or under keys that it is not signed with, is refused', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    repository.delegate('shard', 'p.ghost', { paths: ['projects/ghost/*'] })
    await repository.publish('shard')
    publisher.refuses('missing-role')
    repository.role('shard').delegations?.roles?.pop()
    for (const delegation of repository.role('shard').delegations?.roles ?? []) delegation.keyids = []
    repository.signers.delete('p.six')
    repository.delegate('shard', 'p.six')
    repository.role('shard').delegations?.roles?.shift()
    await repository.publish('shard')
    publisher.refuses('missing-role')
    await repository.publish('shard', 'p.six')
    publisher.publish()
  })

  void test('other keys for the bins need all bins anew', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    const bins = [...repository.roles.keys()].filter((role) => role.startsWith('bin-'))
    const { targets } = repository.role('bin-0')
    assert.equal(targets.size, 0)
    repository.delegateBins('bins', 'bin', 3)
    for (const bin of bins) repository.role(bin).version = 1
    await repository.publish('bins', ...bins.slice(1))
    publisher.refuses('missing-role')
    await repository.publish('bin-0')
    publisher.publish()
  })

  void test('FZ-*: what has expired is refused', async () => {
    for (const role of ['timestamp', 'snapshot', 'bin-1']) {
      const publisher = await Publisher.start()
      const { repository } = publisher
      const document = role === 'timestamp' || role === 'snapshot' ? repository[role] : repository.role(role)
      document.expires = writeTime(START)
      await repository.publish('bin-1')
      publisher.refuses('expired')
    }
    const publisher = await Publisher.start()
    await publisher.repository.publish('bin-1')
    assert.throws(() => publisher.checker.check(publisher.publication, START + 30 * DAY_MS), { code: 'expired' })
  })

  void test('a time that clients would not adopt, far ahead of its own clock, is refused', async () => {
    const publisher = await Publisher.start()
    publisher.repository.timestamp['x-issued'] = writeTime(START + 17 * HOUR_MS)
    await publisher.repository.publishTimestamp()
    publisher.refuses('clock-skewed')
    // A publisher may look at what has expired as of an earlier time than its clock's.
    publisher.checker.check(publisher.publication, START, START + DAY_MS)
  })

  void test('a rotation of all online keys in one publication passes, with versions as they may be then', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    repository.rotate('timestamp')
    repository.rotate('snapshot')
    await repository.publishRoot()
    repository.timestamp.version = 0
    repository.snapshot.version = 10
    await repository.publish()
    publisher.publish()
    await repository.publish('bin-1')
    publisher.publish()
  })

  void test('a new root that changes the keys of targets needs targets signed anew', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    repository.rotate('targets')
    await repository.publishRoot()
    await repository.publish()
    publisher.refuses('missing-role')
    await repository.publish('targets')
    publisher.publish()
  })

  void test('KC-7: opening the whole follows the roots as clients do, and refuses one that they refuse', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    await repository.publishRoot()
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publish()
    await open(repository)
    const mallory = newSigner()
    repository.root.roles.root.keyids = []
    repository.addKey('root', mallory)
    await repository.publishRoot([mallory])
    await assert.rejects(open(repository), { code: 'threshold-not-met' })
  })

  void test('opening reads every role, or all but the bins, and refuses what is not whole', async () => {
    const publisher = await Publisher.start()
    const { repository } = publisher
    repository.requests.length = 0
    await open(repository, false)
    assert.deepEqual(repository.requests.toSorted(), [
      '1.bins.json',
      '1.p.six.json',
      '1.shard.json',
      '2.snapshot.json',
      '2.targets.json',
      'timestamp.json',
    ])
    repository.files.delete('1.bin-5.json')
    await open(repository, false)
    await assert.rejects(open(repository), { code: 'missing-role' })
  })
})
