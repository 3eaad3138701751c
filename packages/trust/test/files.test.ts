import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DirectoryState } from '../src/client/directory-state.ts'
import { initialiseState, TrustClient } from '../src/client/trust-client.ts'
import { MAX_STATE_CHANGES, MAX_TIMESTAMP_BYTES } from '../src/limits.ts'
import type { FetchLimits } from '../src/client/trust-io.ts'
import { verifiedTarget } from '../src/client/verified-target.ts'
import { writeTime } from '../src/timestamps.ts'
import { DAY_MS, HOUR_MS, RepositorySimulator, sha256, START } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

suite('Files: hashes, lengths, limits (attacks.md ARB-1, MM-*, ED-*, WSI-1)', { concurrency: true }, () => {
  for (const consistent of [true, false]) {
    void test(`consistent_snapshot ${consistent}: metadata and targets are asked for under their names`, async () => {
      const repository = await RepositorySimulator.create({ consistent })
      repository.delegate('targets', 'A', { paths: ['*', '*/*'] })
      repository.addTarget('A', 'dir/a file.txt', 'content')
      await repository.publish('targets', 'A')
      await using visitor = await visit(repository)
      assert.equal(await visitor.download('dir/a file.txt'), 'content')
      const hash = sha256(Buffer.from('content'))
      assert.deepEqual(
        repository.requests,
        consistent
          ? ['2.root.json', 'timestamp.json', '2.snapshot.json', '2.targets.json', '1.A.json']
          : ['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json', 'A.json'],
      )
      assert.deepEqual(repository.targetRequests, [consistent ? `dir/${hash}.a%20file.txt` : 'dir/a%20file.txt'])
      // And it goes on: a change of any role is followed.
      repository.addTarget('A', 'other', 'more')
      await repository.publish('A')
      await visitor.client.refresh()
      assert.equal(await visitor.download('other'), 'more')
    })
  }

  void test('the state holds the bytes that were received, not ours', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    const { repository } = visitor
    const spaced = Buffer.concat([repository.file('timestamp.json'), Buffer.from(' \n')])
    repository.files.set('timestamp.json', spaced)
    await visitor.client.refresh()
    assert.deepEqual(
      [...(await visitor.stored())],
      [
        ['root.json', Buffer.from(repository.file('1.root.json')).toString()],
        ['snapshot.json', Buffer.from(repository.file('1.snapshot.json')).toString()],
        ['targets.json', Buffer.from(repository.file('1.targets.json')).toString()],
        ['timestamp.json', spaced.toString()],
      ],
    )
  })

  void test('metadata that is written with white space, in another order and with escapes is verified all the same', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    const { repository } = visitor
    const { signed, signatures } = JSON.parse(Buffer.from(repository.file('timestamp.json')).toString()) as {
      signed: object
      signatures: object
    }
    const turned = JSON.stringify(
      { signed: Object.fromEntries(Object.entries(signed).toReversed()), signatures },
      null,
      2,
    )
    repository.files.set('timestamp.json', Buffer.from(turned.replace('timestamp', String.raw`\u0074imestamp`)))
    await visitor.client.refresh()
    assert.equal(await visitor.version('timestamp'), 1)
  })

  void test('ARB-5: one document that two parsers read differently is refused, whoever signed it', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    await repository.publishTimestamp()
    const text = Buffer.from(repository.file('timestamp.json')).toString()
    const variants = {
      'a member twice': text.replace('"version":2}}', '"version":3,"version":2}}'),
      'signed twice': text.replace(/^\{/, '{"signed":{},'),
      __proto__: text.replace('"version":2}}', '"version":2,"__proto__":{"version":9}}}'),
      'a fraction': text.replace('"version":2}}', '"version":2.0}}'),
      'a byte order mark': `\uFEFF${text}`,
      'something behind the end': `${text}{}`,
      'nothing at all': '',
    }
    for (const [name, variant] of Object.entries(variants)) {
      assert.notEqual(variant, text, name)
      repository.files.set('timestamp.json', Buffer.from(variant))
      // `__proto__` is a member like any other: it was not signed.
      await visitor.refused(
        name === '__proto__' ? 'threshold-not-met' : name === 'signed twice' ? 'json-invalid' : 'json-invalid',
      )
    }
  })

  for (const specVersion of ['2.0.0', '1', '0.9', '1.0.0.0', 'one']) {
    void test(`SPEC-1: metadata of specification ${specVersion} is refused`, async () => {
      await using visitor = await visit()
      visitor.repository.timestamp.spec_version = specVersion
      await visitor.repository.publishTimestamp()
      await visitor.refused('metadata-invalid')
    })
  }

  for (const specVersion of ['1.0', '1.0.34', '1.99.1']) {
    void test(`SPEC-1: metadata of specification ${specVersion} is read`, async () => {
      await using visitor = await visit()
      visitor.repository.timestamp.spec_version = specVersion
      await visitor.repository.publishTimestamp()
      await visitor.client.refresh()
      assert.equal(await visitor.version('timestamp'), 2)
    })
  }

  void test('a role that says that it is another is refused, though its key signed it', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const [signer] = repository.signers.get('timestamp') ?? []
    repository.addKey('snapshot', signer)
    await repository.publishRoot()
    await visitor.client.refresh()
    repository.snapshot.version += 1
    repository.snapshot.meta = new Map([['snapshot.json', { version: 1 }]])
    await repository.publishSnapshot()
    repository.files.set('timestamp.json', repository.file(`${repository.snapshot.version}.snapshot.json`))
    await visitor.refused('metadata-invalid')
  })

  void test('MM-1: snapshot and roles have to be those whose hash and length are listed', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    repository.delegate('targets', 'A')
    await repository.publish('targets', 'A')
    await using visitor = await visit(repository)
    await visitor.client.find('missing')
    await repository.publish('targets', 'A')
    const timestamp = { 'timestamp.json': repository.file('timestamp.json') }
    const snapshot = repository.file('3.snapshot.json')
    repository.files.set('3.snapshot.json', Buffer.concat([snapshot, Buffer.from(' ')]))
    await visitor.refused('limit-exceeded', timestamp)
    repository.files.set('3.snapshot.json', snapshot.subarray(1))
    await visitor.refused('length-mismatch', timestamp)
    const spaced = Buffer.from(Buffer.from(snapshot).toString().replace('30Z"', '30z"').replace('"sig":"', '"sig":"'))
    const flipped = Buffer.from(spaced)
    flipped[30] = (flipped[30] ?? 0) ^ 1
    repository.files.set('3.snapshot.json', flipped)
    await visitor.refused('hash-mismatch', timestamp)
    repository.files.set('3.snapshot.json', snapshot)
    // The role of the snapshot before, under the new one's name.
    repository.files.set('3.targets.json', repository.file('2.targets.json'))
    await visitor.refused('hash-mismatch', { 'snapshot.json': snapshot })
    await repository.publish('targets')
    await visitor.client.refresh()
    repository.files.set('2.A.json', repository.file('1.A.json'))
    await visitor.refused('hash-mismatch', {}, () => visitor.client.find('missing'))
  })

  void test('MM-1: a role signed twice under one version, of which the snapshot names the other, is fetched again and refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    repository.delegate('targets', 'A')
    await repository.publish('targets', 'A')
    await using visitor = await visit(repository)
    await visitor.client.find('missing')
    const other = { ...repository.snapshot.meta.get('A.json'), version: 1, hashes: { sha256: '0'.repeat(64) } }
    repository.snapshot.meta.set('A.json', other)
    await repository.publish()
    await visitor.client.refresh()
    await visitor.refused('hash-mismatch', {}, () => visitor.client.find('missing'))
  })

  void test('a hash that nobody here knows is not enough', async () => {
    const repository = await RepositorySimulator.create()
    repository.timestamp.meta['snapshot.json'] = { version: 1, hashes: { 'blake9-12': '00' } }
    await repository.publishTimestamp()
    await using visitor = await Visitor.arrive(repository)
    await visitor.refused('hash-mismatch', { 'timestamp.json': repository.file('timestamp.json') })
  })

  void test('MM-2: another repository under the same address is not ours, though it has all roles', async () => {
    const repository = await RepositorySimulator.create()
    const other = await RepositorySimulator.create()
    await using visitor = await visit(repository)
    await other.publish('targets')
    repository.files.clear()
    for (const [name, bytes] of other.files) repository.files.set(name, bytes)
    await visitor.refused('threshold-not-met')
  })

  void test('MM-2: a state belongs to the repository that it began with, however far its root has come', async () => {
    const repository = await RepositorySimulator.create()
    const other = await RepositorySimulator.create()
    await using visitor = await visit(repository)
    for (let rotations = 0; rotations < 2; rotations += 1) await repository.publishRoot()
    await visitor.client.refresh()
    const state = await DirectoryState.open(visitor.folder)
    for (const root of [repository.firstRoot, repository.file('3.root.json')]) {
      assert.equal(await initialiseState(state, root), 'kept')
    }
    await other.publishRoot()
    for (let rotations = 0; rotations < 3; rotations += 1) {
      const root = other.file(`${other.root.version}.root.json`)
      await visitor.refused('state-invalid', {}, () => initialiseState(state, root))
      await visitor.refused('state-invalid', {}, () => initialiseState(state, other.firstRoot))
      await other.publishRoot()
    }
    // One that was made before this was remembered.
    await rm(join(visitor.folder, '.first-root'))
    assert.equal(await initialiseState(state, repository.firstRoot), 'kept')
    await repository.publishRoot()
    await visitor.client.refresh()
    assert.equal(await initialiseState(state, repository.firstRoot), 'kept')
  })

  void test('ED-META: more bytes than a role may have are refused, whatever they say', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    await repository.publishTimestamp()
    const padded = Buffer.concat([repository.file('timestamp.json'), Buffer.alloc(MAX_TIMESTAMP_BYTES, ' ')])
    repository.files.set('timestamp.json', padded)
    await visitor.refused('limit-exceeded')
  })

  void test('ED-META: a role of more bytes than are signed is refused before they are hashed', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    repository.delegate('targets', 'A')
    await repository.publish('targets', 'A')
    repository.files.set('1.A.json', Buffer.concat([repository.file('1.A.json'), Buffer.from(' ')]))
    await using visitor = await visit(repository)
    await visitor.refused('limit-exceeded', {}, () => visitor.client.find('file'))
  })

  void test('ED-META: each fetch is told how much may come, and for how long', async () => {
    const repository = await RepositorySimulator.create()
    repository.listHashes = true
    repository.delegate('targets', 'A')
    repository.addTarget('A', 'file', 'content')
    await repository.publish('targets', 'A')
    const seen = new Map<string, FetchLimits>()
    await using visitor = await Visitor.arrive(repository, {
      metadata: (name, limits) => {
        seen.set(name, limits)
        return repository.metadata(name, limits)
      },
      target: (path, limits) => {
        seen.set('target', limits)
        return repository.target(path, limits)
      },
    })
    await visitor.client.refresh()
    await visitor.download('file')
    assert.deepEqual(
      [...seen].map(([name, { maxBytes }]) => [name, maxBytes]),
      [
        ['2.root.json', 512 * 1024],
        ['timestamp.json', 16 * 1024],
        ['2.snapshot.json', repository.file('2.snapshot.json').length],
        ['2.targets.json', repository.file('2.targets.json').length],
        ['1.A.json', repository.file('1.A.json').length],
        ['target', 'content'.length],
      ],
    )
    for (const { deadlineMs } of seen.values()) assert.ok(deadlineMs > 0 && deadlineMs <= DAY_MS)
  })

  const wrong = {
    'ARB-1: other bytes of the same length': ['evil!!!', 'hash-mismatch'],
    'ED-TGT: more bytes': ['content, and more', 'length-mismatch'],
    'ED-TGT: fewer bytes': ['conte', 'length-mismatch'],
    'no bytes': ['', 'length-mismatch'],
  } as const
  for (const [name, [served, code]] of Object.entries(wrong)) {
    void test(`${name} never complete, and are stopped at the first byte too many`, async () => {
      const repository = await RepositorySimulator.create()
      repository.addTarget('targets', 'file', 'content')
      await repository.publish('targets')
      await using visitor = await visit(repository)
      for (const [path] of repository.targetFiles) repository.targetFiles.set(path, Buffer.from(served))
      const found = await visitor.client.find('file')
      assert.ok(found.kind === 'found')
      let received = 0
      const read = async () => {
        for await (const piece of visitor.client.download('file', found.file)) received += piece.length
      }
      await visitor.refused(code, {}, read)
      assert.ok(received < 'content'.length)
    })
  }

  void test('ED-TGT: an endless target is left after what was signed', async () => {
    let sent = 0
    // oxlint-disable-next-line typescript/require-await
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 1024
        yield Buffer.alloc(1024)
      }
    }
    const file = { length: 4096, hashes: new Map([['sha256', '00']]), custom: undefined }
    await assert.rejects(
      async () => {
        for await (const _ of verifiedTarget('file', file, endless()));
      },
      { code: 'length-mismatch' },
    )
    assert.equal(sent, 4096 + 1024)
  })

  void test('an empty target is whole when nothing came', async () => {
    const repository = await RepositorySimulator.create()
    repository.addTarget('targets', 'empty', '')
    await repository.publish('targets')
    await using visitor = await visit(repository)
    assert.equal(await visitor.download('empty'), '')
  })

  void test('WSI-1: a file that is signed under another path is not given for this one', async () => {
    const repository = await RepositorySimulator.create()
    repository.addTarget('targets', 'bar/bar-1.0.whl', 'bar')
    repository.addTarget('targets', 'foo/foo-1.0.whl', 'foo')
    await repository.publish('targets')
    await using visitor = await visit(repository)
    const foo = `foo/${sha256(Buffer.from('foo'))}.foo-1.0.whl`
    assert.ok(repository.targetFiles.has(foo))
    repository.targetFiles.set(foo, Buffer.from('bar'))
    await visitor.refused('hash-mismatch', {}, () => visitor.download('foo/foo-1.0.whl'))
    assert.equal((await visitor.client.find('foo/bar-1.0.whl')).kind, 'absent')
  })

  void test('a target that is listed and not served is an error', async () => {
    const repository = await RepositorySimulator.create()
    repository.addTarget('targets', 'file', 'content')
    await repository.publish('targets')
    await using visitor = await visit(repository)
    repository.targetFiles.clear()
    await visitor.refused('fetch-failed', {}, () => visitor.download('file'))
  })

  for (const path of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    void test(`the path ${path} is found only where it is listed`, async () => {
      await using visitor = await visit()
      assert.equal((await visitor.client.find(path)).kind, 'absent')
      visitor.repository.addTarget('targets', path, 'content')
      await visitor.repository.publish('targets')
      await visitor.client.refresh()
      assert.equal(await visitor.download(path), 'content')
    })
  }

  void test('who asks for a refresh while one is under way gets that one; look-ups wait for the first', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    visitor.repository.addTarget('targets', 'file', 'content')
    await visitor.repository.publish('targets')
    const [first, second, found] = await Promise.all([
      visitor.client.refresh(),
      visitor.client.refresh(),
      visitor.client.find('file'),
    ])
    assert.equal(first, second)
    assert.equal(found.kind, 'found')
    assert.equal(visitor.repository.requests.filter((name) => name === 'timestamp.json').length, 1)
    visitor.now = START + 30 * DAY_MS
    await visitor.refused('expired')
  })

  void test('many look-ups at once fetch each role once', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'A')
    await repository.publish('targets', 'A')
    await using visitor = await visit(repository)
    repository.requests.length = 0
    await Promise.all(Array.from({ length: 30 }, (_, number) => visitor.client.find(`file-${number}`)))
    assert.deepEqual(repository.requests, ['1.A.json'])
  })
})

suite('One state, several processes', { concurrency: true }, () => {
  void test('a client whose state was brought further by another goes on from there', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const slow = visitor.client
    await repository.publish('targets')
    await visitor.restart()
    await visitor.client.refresh()
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publish('targets')
    await visitor.client.refresh()
    const { snapshot } = await slow.refresh()
    assert.equal(snapshot, 3)
    assert.equal(await visitor.version('timestamp'), repository.timestamp.version)
    assert.equal(slow.root.signed.version, 2)
  })

  void test('a client that was held up does not bring an older timestamp back', async () => {
    const repository = await RepositorySimulator.create()
    await using visitor = await Visitor.arrive(repository)
    const old = repository.file('timestamp.json')
    let other: Promise<unknown> | undefined
    await visitor.restart({
      // While this one has the old timestamp in its hands, another process stores a newer one.
      metadata: async (name, limits) => {
        if (name !== 'timestamp.json' || other !== undefined) return await repository.metadata(name, limits)
        await repository.publish('targets')
        const held = visitor.client
        await visitor.restart()
        other = visitor.client.refresh()
        await other
        visitor.client = held
        return old
      },
      target: (path, limits) => repository.target(path, limits),
    })
    await visitor.client.refresh()
    assert.ok(other !== undefined)
    assert.equal(await visitor.version('timestamp'), 2)
    assert.equal(visitor.client.snapshot, 2)
  })

  void test('FF-TS: a root that another process has seen counts, also for one that it is kept from', async () => {
    const repository = await RepositorySimulator.create()
    const old = repository.file('timestamp.json')
    let isHidden = false
    await using visitor = await Visitor.arrive(repository, {
      metadata: async (name, limits) => {
        if (isHidden && name === '2.root.json') return undefined
        return isHidden && name === 'timestamp.json' ? old : await repository.metadata(name, limits)
      },
      target: (path, limits) => repository.target(path, limits),
    })
    const kept = visitor.client
    await kept.refresh()
    repository.rotate('timestamp')
    repository.rotate('snapshot')
    await repository.publishRoot()
    await repository.publish()
    await visitor.restart()
    await visitor.client.refresh()
    isHidden = true
    // What the stolen key of the timestamp has signed.
    await visitor.refused('threshold-not-met', {}, () => kept.refresh())
    assert.equal(kept.root.signed.version, 2)
  })

  void test('FF-TS: a state that is opened while another process brings a new root into it is not mixed with it', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.rotate('timestamp')
    await repository.publishRoot()
    await repository.publish()
    const state = await DirectoryState.open(visitor.folder)
    const other = visitor.client
    let isBrought = false
    const client = await TrustClient.open({
      state: {
        read: async (role) => {
          if (role === 'timestamp' && !isBrought) {
            isBrought = true
            await other.refresh()
          }
          return await state.read(role)
        },
        swap: (...change) => state.swap(...change),
      },
      remote: repository,
      now: () => START,
    })
    assert.equal(client.root.signed.version, 2)
    assert.equal((await client.find('file')).kind, 'absent')
    assert.equal(client.snapshot, repository.snapshot.version)
  })

  void test('FZ-ROOT: after a root that another process brought, nothing is answered by the old one', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const other = visitor.client
    await visitor.restart()
    const { client } = visitor
    await repository.publishRoot()
    await other.refresh()
    repository.files.delete('timestamp.json')
    await visitor.refused('fetch-failed', {}, () => client.refresh())
    await visitor.refused('state-invalid', {}, () => client.find('file'))
  })

  void test('FZ-CLK: a time that was seen is not forgotten for an earlier one that another process stored', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const slow = visitor.client
    repository.timestamp['x-issued'] = writeTime(START + 2 * HOUR_MS)
    await repository.publishTimestamp()
    await slow.refresh()
    await visitor.restart()
    // The clock of the repository has been set right.
    repository.timestamp['x-issued'] = writeTime(START)
    repository.delegate('targets', 'A')
    repository.role('A').expires = writeTime(START + HOUR_MS)
    await repository.publish('targets', 'A')
    await visitor.client.refresh()
    await slow.refresh()
    await visitor.refused('expired', {}, () => slow.find('file'))
  })

  void test('a state that never takes anything ends a refresh', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const state = await DirectoryState.open(visitor.folder)
    const client = await TrustClient.open({
      state: { read: (role) => state.read(role), swap: () => Promise.resolve(false) },
      remote: repository,
      now: () => START,
    })
    await repository.publishTimestamp()
    repository.requests.length = 0
    await visitor.refused('state-changed', {}, () => client.refresh())
    assert.equal(repository.requests.filter((name) => name === 'timestamp.json').length, MAX_STATE_CHANGES + 1)
  })

  void test('two clients at once end with one state that is whole', async () => {
    await using visitor = await Visitor.arrive(await RepositorySimulator.create())
    const first = visitor.client
    await visitor.restart()
    await Promise.all([first.refresh(), visitor.client.refresh()])
    await visitor.restart()
    assert.equal(visitor.client.snapshot, 1)
  })
})
