import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import { MAX_VISITED_ROLES } from '../src/limits.ts'
import { keyDocument } from '../src/public-key.ts'
import { binName, binOf } from '../src/succinct-bins.ts'
import { newSigner, RepositorySimulator } from './support/repository-simulator.ts'
import type { DelegateOptions } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

type Edge = readonly [from: string, to: string, options?: DelegateOptions]

async function withEdges(...edges: readonly Edge[]): Promise<RepositorySimulator> {
  const repository = await RepositorySimulator.create()
  for (const [from, to, options] of edges) repository.delegate(from, to, options)
  await repository.publish(...repository.roles.keys())
  return repository
}

/** Which roles are asked for a path that nobody lists. */
const GRAPHS: Readonly<Record<string, readonly [visited: string, ...edges: Edge[]]>> = {
  'one role': ['A', ['targets', 'A']],
  'two roles, in order': ['A B', ['targets', 'A'], ['targets', 'B']],
  'two levels': ['A B C', ['targets', 'A'], ['targets', 'B'], ['B', 'C']],
  'depth first': ['A C D B', ['targets', 'A'], ['targets', 'B'], ['A', 'C'], ['A', 'D']],
  'depth first, three levels': ['A C D B', ['targets', 'A'], ['targets', 'B'], ['A', 'C'], ['C', 'D']],
  'a terminating role ends the search': [
    'A C',
    ['targets', 'A'],
    ['targets', 'B'],
    ['A', 'C', { terminating: true }],
    ['A', 'D'],
  ],
  'but not below it': ['A C D', ['targets', 'A'], ['targets', 'B'], ['A', 'C', { terminating: true }], ['C', 'D']],
  'other paths are passed over': ['B', ['targets', 'A', { paths: ['*.py'] }], ['targets', 'B'], ['A', 'C']],
  'other paths below': ['A B', ['targets', 'A'], ['targets', 'B'], ['A', 'C', { paths: ['*.py'] }], ['C', 'D']],
  'DEL-1: a cycle': ['A B C D', ['targets', 'A'], ['targets', 'B'], ['B', 'C'], ['C', 'D'], ['D', 'B']],
  'a diamond is visited once': ['A C B', ['targets', 'A'], ['targets', 'B'], ['B', 'C'], ['A', 'C']],
  'a diamond by the way that has the path': [
    'A B C',
    ['targets', 'A'],
    ['targets', 'B'],
    ['B', 'C'],
    ['A', 'C', { paths: ['*.py'] }],
  ],
  'names like integers keep their place': [
    'z 1 b 0',
    ['targets', 'z'],
    ['targets', '1'],
    ['targets', 'b'],
    ['targets', '0'],
  ],
  'names of what objects inherit': ['constructor __proto__', ['targets', 'constructor'], ['targets', '__proto__']],
}

suite('Delegations (specification 5.6.7; attacks.md DEL-*)', { concurrency: true }, () => {
  for (const [name, [visited, ...edges]] of Object.entries(GRAPHS)) {
    void test(`order of visits: ${name}`, async () => {
      await using visitor = await visit(await withEdges(...edges))
      const { requests } = visitor.repository
      requests.length = 0
      const expected = visited.split(' ')
      assert.deepEqual(await visitor.client.find('missing'), {
        kind: 'absent',
        path: 'missing',
        visited: ['targets', ...expected],
      })
      assert.deepEqual(
        requests,
        expected.map((role) => `1.${role}.json`),
      )
      // From memory, and from the state.
      await visitor.client.find('missing')
      await visitor.restart()
      await visitor.client.find('missing')
      assert.equal(requests.length, expected.length)
    })
  }

  void test('a target is found through patterns, with the roles that vouch for it; not where one of them was not handed it', async () => {
    const repository = await withEdges(
      ['targets', 'A', { paths: ['*.doc', '*.md'] }],
      ['targets', 'B', { paths: ['releases/*/*'] }],
      ['B', 'C', { paths: ['releases/x/*'] }],
      ['B', 'D', { paths: ['releases/y/*.zip'] }],
    )
    const content = {
      targets: 'targetfile',
      A: 'README.md',
      C: 'releases/x/x_v1',
      D: 'releases/y/y_v1.zip',
    }
    for (const [role, path] of Object.entries(content)) repository.addTarget(role, path, `${path} by ${role}`)
    // DEL-4: D lists what B did not hand to it.
    repository.addTarget('D', 'releases/z/z_v1.zip', 'z')
    await repository.publish(...repository.roles.keys())
    await using visitor = await visit(repository)
    const chains = { targets: ['targets'], A: ['targets', 'A'], C: ['targets', 'B', 'C'], D: ['targets', 'B', 'D'] }
    for (const [role, path] of Object.entries(content)) {
      const found = await visitor.client.find(path)
      assert.ok(found.kind === 'found', path)
      assert.deepEqual(found.chain, chains[role as keyof typeof chains])
      assert.equal(await visitor.download(path), `${path} by ${role}`)
    }
    assert.deepEqual(await visitor.client.find('releases/z/z_v1.zip'), {
      kind: 'absent',
      path: 'releases/z/z_v1.zip',
      visited: ['targets', 'B'],
    })
    assert.deepEqual([...(await visitor.client.list(['targets', 'B', 'D'])).keys()], ['releases/y/y_v1.zip'])
    await visitor.refused('missing-role', {}, () => visitor.client.list(['targets', 'A', 'D']))
    await visitor.refused('missing-role', {}, () => visitor.client.list(['A']))
  })

  void test('DEL-1: more roles than a look-up may visit are an error, not an absence', async () => {
    const names = Array.from({ length: MAX_VISITED_ROLES + 1 }, (_, number) => `r${number}`)
    await using visitor = await visit(await withEdges(...names.map((name): Edge => ['targets', name])))
    await assert.rejects(visitor.client.find('missing'), { code: 'delegation-limit' })
    assert.equal(await visitor.version(`r${MAX_VISITED_ROLES - 2}`), 1)
    assert.equal(await visitor.version(`r${MAX_VISITED_ROLES - 1}`), undefined)
  })

  void test('DEL-1: a long list under many patterns lets others have their turn', async () => {
    const repository = await RepositorySimulator.create()
    const paths = Array.from({ length: 100 }, (_, number) => `*/${number}`)
    repository.delegate('targets', 'A', { paths: [...paths, 'dir/150', 'dir/7'] })
    for (let number = 0; number < 200; number += 1) repository.addTarget('A', `dir/${number}`, 'content')
    await repository.publish('targets', 'A')
    await using visitor = await visit(repository)
    const chain = ['targets', 'A']
    await visitor.client.list(chain)
    let turns = 0
    const turn = () => {
      turns += 1
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    const listed = await visitor.client.list(chain)
    clearImmediate(next)
    assert.equal(listed.size, 101)
    assert.ok(turns > 10, `${turns} turns`)
  })

  void test('DEL-1: a wide role is looked through in one pass', async () => {
    const repository = await RepositorySimulator.create()
    const signer = newSigner()
    const roles = Array.from({ length: 20_000 }, (_, number) => ({
      name: `p.${number}`,
      keyids: [signer.key.keyid],
      threshold: 1,
      terminating: true,
      paths: [`${number}/*`],
    }))
    repository.role('targets').delegations = { keys: new Map([[signer.key.keyid, keyDocument(signer.key)]]), roles }
    repository.roles.set('p.19999', repository.newTargets())
    repository.signers.set('p.19999', [signer])
    await repository.publish('targets', 'p.19999')
    await using visitor = await visit(repository)
    assert.deepEqual(await visitor.client.find('19999/file'), {
      kind: 'absent',
      path: '19999/file',
      visited: ['targets', 'p.19999'],
    })
  })

  void test('DEL-3: a role that is not in the snapshot, or not served, ends the search before a lower one', async () => {
    const repository = await withEdges(['targets', 'A'], ['targets', 'B'])
    repository.addTarget('A', 'file', 'right')
    repository.addTarget('B', 'file', 'wrong')
    await repository.publish('A', 'B')
    await using visitor = await visit(repository)
    repository.files.delete('2.A.json')
    await visitor.refused('missing-role', {}, () => visitor.client.find('file'))
    repository.snapshot.meta.delete('A.json')
    repository.snapshot.version = 0
    repository.rotate('snapshot')
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publish()
    await visitor.client.refresh()
    await visitor.refused('missing-role', {}, () => visitor.client.find('file'))
  })

  for (const role of [
    '?',
    '#',
    '/delegatedrole',
    '../delegatedrole',
    '%2e',
    'a b',
    '.',
    '..',
    "!'()*",
    '\u0000',
    'ä😀',
  ]) {
    void test(`DEL-5: a role named ${JSON.stringify(role)} stays one file in the folder and one segment of the path`, async () => {
      const repository = await RepositorySimulator.create()
      repository.delegate('targets', role)
      await repository.publish('targets', role)
      await using visitor = await visit(repository)
      repository.requests.length = 0
      assert.equal((await visitor.client.find('missing')).kind, 'absent')
      const [requested, ...others] = repository.requests
      assert.deepEqual(others, [])
      assert.match(requested ?? '', /^1\.(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+\.json$/)
      assert.equal(decodeURIComponent(requested ?? ''), `1.${role}.json`)
      const stored = (await visitor.stored()).get((requested ?? '').slice(2))
      assert.equal(stored, repository.file(requested ?? '').toString())
      await visitor.restart()
      assert.equal((await visitor.client.find('missing')).kind, 'absent')
      assert.equal(repository.requests.length, 1)
    })
  }

  for (const role of ['root', 'Root', 'TIMESTAMP', 'targets', '', 'x'.repeat(300), '😀'.repeat(40)]) {
    void test(`DEL-5: a role named ${JSON.stringify(role.slice(0, 20))} (${role.length}) is refused: its file would be another's, or none`, async () => {
      const repository = await RepositorySimulator.create()
      repository.roles.set(role, repository.newTargets())
      repository.delegate('targets', role)
      await repository.publish('targets')
      await using visitor = await Visitor.arrive(repository)
      await assert.rejects(visitor.client.refresh(), { code: 'metadata-invalid' })
      assert.equal(await visitor.version('targets'), undefined)
    })
  }

  void test('DEL-5: one role twice in one list is refused', async () => {
    const repository = await withEdges(['targets', 'A'])
    await using visitor = await visit(repository)
    repository.delegate('targets', 'A', { paths: ['other'] })
    await repository.publish('targets')
    await visitor.refused('metadata-invalid', {
      'timestamp.json': repository.file('timestamp.json'),
      'snapshot.json': repository.file('3.snapshot.json'),
    })
  })

  void test('DEL-6: a stored role counts no longer when its delegator has changed the keys', async () => {
    const repository = await withEdges(['targets', 'A'])
    repository.addTarget('A', 'file', 'content')
    await repository.publish('A')
    await using visitor = await visit(repository)
    assert.equal((await visitor.client.find('file')).kind, 'found')
    const stolen = repository.signers.get('A') ?? []
    repository.role('targets').delegations = { keys: new Map(), roles: [] }
    repository.signers.delete('A')
    repository.delegate('targets', 'A')
    await repository.publish('targets')
    await visitor.client.refresh()
    await visitor.refused('threshold-not-met', {}, () => visitor.client.find('file'))
    await visitor.restart()
    await visitor.refused('threshold-not-met', {}, () => visitor.client.find('file'))
    await repository.publish('A')
    await visitor.client.refresh()
    assert.equal((await visitor.client.find('file')).kind, 'found')
    assert.equal(stolen.length, 1)
  })

  void test('DEL-6: in a diamond each delegator has to vouch for the role by its own keys', async () => {
    const repository = await withEdges(
      ['targets', 'A', { paths: ['a/*'] }],
      ['targets', 'B', { paths: ['b/*'] }],
      ['A', 'C', { paths: ['a/*'] }],
      ['B', 'C', { paths: ['b/*'] }],
    )
    const [byA] = repository.signers.get('C') ?? []
    assert.ok(byA !== undefined)
    repository.addTarget('C', 'a/file', 'a')
    repository.addTarget('C', 'b/file', 'b')
    await repository.publish('C')
    await using visitor = await visit(repository)
    assert.equal((await visitor.client.find('a/file')).kind, 'found')
    assert.equal((await visitor.client.find('b/file')).kind, 'found')
    // Signed by the key that A knows, and no longer by the one that B knows.
    repository.signers.set('C', [byA])
    await repository.publish('C')
    await visitor.client.refresh()
    assert.equal((await visitor.client.find('a/file')).kind, 'found')
    await visitor.refused('threshold-not-met', {}, () => visitor.client.find('b/file'))
    await visitor.refused('threshold-not-met', {}, () => visitor.client.list(['targets', 'B', 'C']))
  })

  void test('DEL-6: asked for at once by two who delegate to it, a role is verified for each of them', async () => {
    const [first, second] = [newSigner(), newSigner()]
    const repository = await withEdges(
      ['targets', 'A', { paths: ['a/*'] }],
      ['targets', 'B', { paths: ['b/*'] }],
      ['A', 'D', { paths: ['a/*'], signer: first }],
      ['B', 'D', { paths: ['b/*'], signer: second }],
    )
    repository.signers.set('D', [first])
    repository.addTarget('D', 'a/file', 'content')
    repository.addTarget('D', 'b/file', 'content')
    await repository.publish('D')
    await using visitor = await visit(repository)
    const outcomes = await Promise.allSettled(['a/file', 'b/file'].map((path) => visitor.client.find(path)))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
  })

  void test('TAP 15: each target is looked for in its bin alone, which terminates', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'bins', { paths: ['simple/*/*'] })
    repository.delegate('targets', 'after')
    repository.delegateBins('bins', 'bin', 5)
    const path = 'simple/six/index.json'
    const bin = binName({ bitLength: 5, namePrefix: 'bin' }, binOf({ bitLength: 5, namePrefix: 'bin' }, path))
    repository.addTarget(bin, path, 'page')
    await repository.publish(...repository.roles.keys())
    await using visitor = await visit(repository)
    repository.requests.length = 0
    const found = await visitor.client.find(path)
    assert.ok(found.kind === 'found')
    assert.deepEqual(found.chain, ['targets', 'bins', bin])
    assert.deepEqual(repository.requests, ['1.bins.json', `1.${bin}.json`])
    const absent = await visitor.client.find('simple/seven/index.json')
    assert.ok(absent.kind === 'absent')
    assert.equal(absent.visited.length, 3)
    assert.equal((await visitor.client.list(found.chain)).size, 1)
  })

  void test('TAP 15: a target in a bin that is not its own is not listed', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'bins')
    const names = repository.delegateBins('bins', 'bin', 2)
    for (const name of names) repository.addTarget(name, 'file', name)
    await repository.publish(...repository.roles.keys())
    await using visitor = await visit(repository)
    const found = await visitor.client.find('file')
    assert.ok(found.kind === 'found')
    for (const name of names) {
      const files = await visitor.client.list(['targets', 'bins', name])
      assert.equal(files.size, name === found.chain.at(-1) ? 1 : 0)
    }
  })

  void test('hash prefixes: the role whose prefix the sha256 of the path has is asked', async () => {
    const path = 'some/deep/path.txt'
    const hex = createHash('sha256').update(path).digest('hex')
    const other = ((Number.parseInt(hex.slice(0, 1), 16) + 1) % 16).toString(16)
    const repository = await withEdges(
      ['targets', 'others', { hashPrefixes: [other] }],
      ['targets', 'none', { hashPrefixes: [] }],
      ['targets', 'its', { hashPrefixes: [other + hex.slice(1, 2), hex.slice(0, 3)] }],
    )
    repository.addTarget('others', path, 'wrong')
    repository.addTarget('its', path, 'right')
    await repository.publish('others', 'its')
    await using visitor = await visit(repository)
    assert.equal(await visitor.download(path), 'right')
    assert.equal(await visitor.version('others'), undefined)
    for (const [role, size] of [
      ['its', 1],
      ['others', 0],
      ['none', 0],
    ] as const) {
      assert.equal((await visitor.client.list(['targets', role])).size, size)
    }
  })
})
