import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { suite, test } from 'node:test'
import { canonicalJson } from '../src/canonical-json.ts'
import type { JsonObject, JsonValue } from '../src/json.ts'
import { MAX_ROOT_ROTATIONS } from '../src/limits.ts'
import type { TopLevelRole } from '../src/metadata.ts'
import { TOP_LEVEL_ROLES } from '../src/metadata.ts'
import { KEY_SCHEMES, keyDocument, readPublicKey } from '../src/public-key.ts'
import { verifyThreshold } from '../src/threshold.ts'
import { generatePrivateKey, keySigner } from '../src/key-signer.ts'
import type { Signer } from '../src/signer.ts'
import { writeMetadata } from '../src/write-metadata.ts'
import { newSigner, RepositorySimulator, secondId } from './support/repository-simulator.ts'
import { visit, Visitor } from './support/visitor.ts'

/** Publishes the next version of a role, whichever it is. */
async function publishNext(repository: RepositorySimulator, role: string): Promise<void> {
  if (role === 'root') await repository.publishRoot()
  else if (role === 'timestamp') await repository.publishTimestamp()
  else if (role === 'snapshot') await repository.publish()
  else await repository.publish(role)
}

/** What the workflow stores before it comes to a role. */
function storedBefore(repository: RepositorySimulator, role: string): Record<string, Uint8Array> {
  if (role === 'root' || role === 'timestamp') return {}
  const timestamp = { 'timestamp.json': repository.file('timestamp.json') }
  if (role === 'snapshot') return timestamp
  return { ...timestamp, 'snapshot.json': repository.file(`${repository.snapshot.version}.snapshot.json`) }
}

suite('Keys (attacks.md ARB-2 to ARB-4, KC-*)', { concurrency: true }, () => {
  for (const role of TOP_LEVEL_ROLES) {
    const forgeries = {
      'without a signature': () => [],
      'signed by a stranger': () => [newSigner()],
      'signed by the key of another role': (repository: RepositorySimulator) =>
        repository.signers.get(role === 'timestamp' ? 'snapshot' : 'timestamp') ?? [],
    }
    for (const [name, signers] of Object.entries(forgeries)) {
      void test(`ARB-2: ${role} ${name} is refused`, async () => {
        await using visitor = await visit()
        const { repository } = visitor
        const rightful = repository.signers.get(role) ?? []
        repository.signers.set(role, signers(repository))
        await publishNext(repository, role)
        await visitor.refused('threshold-not-met', storedBefore(repository, role))
        repository.signers.set(role, rightful)
      })
    }
  }

  void test('ARB-2: a delegated role signed by the key of its delegator is refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    repository.signers.set('a', repository.signers.get('targets') ?? [])
    await repository.publish('targets', 'a')
    await using visitor = await visit(repository)
    await visitor.refused('threshold-not-met', {}, () => visitor.client.find('file'))
  })

  void test('ARB-3: one key written in three ways is one key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const whole = publicKey.export({ type: 'spki', format: 'der' })
    const [head, x, y] = [whole.subarray(2, 23), whole.subarray(-64, -32), whole.subarray(-32)]
    const odd = (y.at(-1) ?? 0) & 1
    const points = [Buffer.of(4), Buffer.of(2 + odd), Buffer.of(6 + odd)].map((form, at) =>
      Buffer.concat(at === 1 ? [form, x] : [form, x, y]),
    )
    const keys = points.map((point) => {
      const bits = Buffer.concat([Buffer.of(3, point.length + 1, 0), point])
      const der = Buffer.concat([Buffer.of(0x30, head.length + bits.length), head, bits])
      const text = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
      const keyval: JsonObject = new Map([['public', text]])
      const document = new Map<string, JsonValue>([
        ['keytype', 'ecdsa'],
        ['scheme', 'ecdsa-sha2-nistp256'],
        ['keyval', keyval],
      ])
      const keyid = createHash('sha256').update(canonicalJson(document)).digest('hex')
      const key = readPublicKey(keyid, document)
      assert.ok(key !== undefined)
      return key
    })
    assert.equal(new Set(keys.map(({ keyid }) => keyid)).size, 3)
    const signedBytes = Buffer.from('what is signed')
    const signature = sign('sha256', signedBytes, privateKey)
    const signatures = keys.map(({ keyid }) => ({ keyid, signature }))
    const keyids = keys.map(({ keyid }) => keyid)
    const trust = { keyids, keys: new Map(keys.map((key) => [key.keyid, key])) }
    verifyThreshold('targets', { signatures, signedBytes }, { ...trust, threshold: 1 })
    assert.throws(() => verifyThreshold('targets', { signatures, signedBytes }, { ...trust, threshold: 2 }), {
      code: 'threshold-not-met',
    })
  })

  void test('ARB-2: one changed byte of what is signed is refused', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    await repository.publishTimestamp()
    const text = Buffer.from(repository.file('timestamp.json')).toString()
    repository.files.set('timestamp.json', Buffer.from(text.replace('"expires":"2030', '"expires":"2039')))
    await visitor.refused('threshold-not-met')
  })

  void test('ARB-3: the same signature twice is refused, even where one is enough', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    await repository.publishTimestamp()
    const signers = repository.signers.get('timestamp') ?? []
    repository.files.set('timestamp.json', await writeMetadata(repository.timestamp, [...signers, ...signers]))
    await visitor.refused('metadata-invalid')
  })

  void test('ARB-3: two signatures of which one is wrong are not two', async () => {
    const repository = await RepositorySimulator.create()
    const second = repository.addKey('timestamp')
    repository.root.roles.timestamp.threshold = 2
    await repository.publishRoot()
    await repository.publishTimestamp()
    await using visitor = await visit(repository)
    const [first] = repository.signers.get('timestamp') ?? []
    const forged: Signer = { key: second.key, sign: (bytes) => newSigner().sign(bytes) }
    repository.signers.set('timestamp', first === undefined ? [forged] : [first, forged])
    await repository.publishTimestamp()
    await visitor.refused('threshold-not-met')
  })

  void test('ARB-3: one key under two ids counts once', async () => {
    const repository = await RepositorySimulator.create()
    const [signer] = repository.signers.get('timestamp') ?? []
    assert.ok(signer !== undefined)
    // Both ids are true: one is of the three fields, the other of all that stands in the key.
    const { keyid, document } = secondId(signer)
    repository.root.keys.set(keyid, document)
    repository.root.roles.timestamp.keyids.push(keyid)
    repository.root.roles.timestamp.threshold = 2
    await repository.publishRoot()
    const twin: Signer = { key: { ...signer.key, keyid }, sign: (bytes) => signer.sign(bytes) }
    repository.signers.set('timestamp', [signer, twin])
    await repository.publishTimestamp()
    await using visitor = await Visitor.arrive(repository)
    await visitor.refused('threshold-not-met', { 'root.json': repository.file('2.root.json') })
  })

  void test('ARB-3: a key id that stands twice in a role is refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.root.roles.snapshot.keyids.push(...repository.root.roles.snapshot.keyids)
    await repository.publishRoot()
    await using visitor = await Visitor.arrive(repository)
    await visitor.refused('metadata-invalid')
  })

  const oddities: Record<string, (signer: Signer) => [keyid: string, document: Record<string, string | object>]> = {
    'under an id that is not its own': (signer) => ['0'.repeat(64), { ...plain(signer) }],
    'of an unknown scheme': (signer) => [signer.key.keyid, { ...plain(signer), scheme: 'ed448' }],
    'of RSA by name and Ed25519 by its bytes': (signer) => [
      signer.key.keyid,
      { ...plain(signer), keytype: 'rsa', scheme: 'rsassa-pss-sha256' },
    ],
    'of half its length': (signer) => [
      signer.key.keyid,
      { ...plain(signer), keyval: { public: signer.key.public.slice(0, 32) } },
    ],
  }
  for (const [name, odd] of Object.entries(oddities)) {
    void test(`ARB-4: a key ${name} counts for nothing, and the others still count`, async () => {
      const repository = await RepositorySimulator.create()
      const stranger = newSigner()
      const [keyid, document] = odd(stranger)
      repository.root.keys.set(keyid, document as Record<string, string>)
      repository.root.roles.timestamp.keyids.push(keyid)
      await repository.publishRoot()
      await using visitor = await visit(repository)
      assert.equal(await visitor.version('root'), 2)
      const signer: Signer = { key: { ...stranger.key, keyid }, sign: (bytes) => stranger.sign(bytes) }
      repository.signers.set('timestamp', [signer])
      await repository.publishTimestamp()
      await visitor.refused('threshold-not-met')
    })
  }

  void test('a signature that is wrong or none at all does not spoil the right one beside it', async () => {
    const repository = await RepositorySimulator.create()
    const second = repository.addKey('timestamp')
    await repository.publishRoot()
    const [first] = repository.signers.get('timestamp') ?? []
    assert.ok(first !== undefined)
    await using visitor = await Visitor.arrive(repository)
    for (const signature of [new Uint8Array(64), new Uint8Array(), new Uint8Array(2048)]) {
      repository.signers.set('timestamp', [{ key: first.key, sign: () => Promise.resolve(signature) }, second])
      await repository.publishTimestamp()
      await visitor.client.refresh()
      assert.equal(await visitor.version('timestamp'), repository.timestamp.version)
    }
  })

  void test('a role with a threshold above its keys can never be signed', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.root.roles.snapshot.threshold = 2
    await repository.publishRoot()
    await repository.publish()
    await visitor.refused('threshold-not-met', {
      'root.json': repository.file('2.root.json'),
      'timestamp.json': repository.file('timestamp.json'),
    })
  })

  for (const role of ['timestamp', 'snapshot'] as const) {
    void test(`ARB-2: what was trusted of ${role} counts no more under a root that wants more signatures for it`, async () => {
      const repository = await RepositorySimulator.create()
      await repository.publish()
      await using visitor = await visit(repository)
      const [first] = repository.signers.get(role) ?? []
      assert.ok(first !== undefined)
      const second = repository.addKey(role)
      repository.root.roles[role].threshold = 2
      await repository.publishRoot()
      repository.signers.set(role, [first])
      // Nothing new but the root.
      await visitor.refused('threshold-not-met', { 'root.json': repository.file('2.root.json') })
      await visitor.refused('state-invalid', {}, () => visitor.client.find('file'))
      repository.signers.set(role, [first, second])
      // Nor is it there to compare with: it may be the one that was signed by too few.
      if (role === 'timestamp') {
        repository.timestamp.version = 0
        await repository.publishTimestamp()
      } else {
        repository.snapshot.version = 1
        await repository.publish()
      }
      await visitor.client.refresh()
      assert.equal(await visitor.version(role), repository[role].version)
    })
  }

  void test('KC-1: with the timestamp key alone no other snapshot is accepted', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.signers.set('snapshot', [newSigner()])
    await repository.publish()
    await visitor.refused('threshold-not-met', { 'timestamp.json': repository.file('timestamp.json') })
  })

  void test('KC-2: with the keys of timestamp and snapshot no file is accepted', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    repository.signers.set('targets', [newSigner()])
    repository.addTarget('targets', 'evil', 'evil')
    await repository.publish('targets')
    await visitor.refused('threshold-not-met', storedBefore(repository, 'targets'))
    assert.equal((await visitor.client.find('evil')).kind, 'absent')
  })

  void test('KC-4: a delegated role with one signature too few is refused', async () => {
    const repository = await RepositorySimulator.create()
    repository.delegate('targets', 'a')
    const second = newSigner()
    const delegations = repository.role('targets').delegations
    delegations?.keys.set(second.key.keyid, keyDocument(second.key))
    for (const delegation of delegations?.roles ?? []) {
      delegation.keyids.push(second.key.keyid)
      delegation.threshold = 2
    }
    await repository.publish('targets', 'a')
    await using visitor = await visit(repository)
    await visitor.refused('threshold-not-met', {}, () => visitor.client.find('file'))
    repository.signers.set('a', [...(repository.signers.get('a') ?? []), second])
    await repository.publish('a')
    await visitor.client.refresh()
    assert.equal((await visitor.client.find('file')).kind, 'absent')
  })

  for (const scheme of KEY_SCHEMES) {
    void test(`a root that needs a signature of ${scheme} is taken with it, and not without`, async () => {
      await using visitor = await visit()
      const { repository } = visitor
      repository.addKey('root', keySigner(generatePrivateKey(scheme)))
      repository.root.roles.root.threshold = 2
      await repository.publishRoot()
      await visitor.client.refresh()
      assert.equal(await visitor.version('root'), 2)
      await repository.publishRoot((repository.signers.get('root') ?? []).slice(0, 1))
      await visitor.refused('threshold-not-met')
    })
  }

  void test('members that nobody knows are signed with the rest, and change nothing', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    const signer = newSigner()
    const { keyid, document } = secondId(signer)
    repository.root.keys.set(keyid, document)
    repository.root.roles.root.keyids.push(keyid)
    Object.assign(repository.root, { 'x-custom': { a: [1, 'b'] } })
    Object.assign(repository.root.roles.root, { 'x-custom': 'c' })
    await repository.publishRoot()
    await visitor.client.refresh()
    assert.equal(await visitor.version('root'), 2)
  })
})

interface RootVersion {
  readonly keys: readonly number[]
  readonly threshold: number
  readonly signatures: readonly number[]
}

/** Roots one after the other, by the numbers of their keys. The last of those that end in `false` is refused. */
const ROOT_CHAINS: Readonly<Record<string, readonly [boolean, ...RootVersion[]]>> = {
  '1 of 1 rotated': [true, root([1], 1, [1]), root([2], 1, [2, 1]), root([2], 1, [2])],
  'signatures of strangers beside': [true, root([1], 1, [3, 1, 4]), root([2], 1, [3, 2, 1, 4]), root([2], 1, [3, 2])],
  '3 of 5 by changing holders': [true, root([0, 1, 2, 3, 4], 3, [0, 2, 4]), root([0, 1, 2, 3, 4], 3, [0, 4, 1])],
  '3 of 5, one rotated': [true, root([0, 1, 2, 3, 4], 3, [0, 2, 4]), root([0, 1, 3, 4, 5], 3, [0, 4, 1])],
  '3 of 5, all rotated': [
    true,
    root([0, 1, 2, 3, 4], 3, [0, 2, 4]),
    root([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
    root([5, 6, 7, 8, 9], 3, [5, 6, 7]),
  ],
  'threshold raised': [true, root([1, 2, 3], 1, [1]), root([1, 2, 3], 2, [1, 2])],
  'threshold lowered': [true, root([1, 2, 3], 2, [1, 2]), root([1, 2, 3], 1, [1, 2]), root([1, 2, 3], 1, [1])],
  'not signed by the old key': [false, root([1], 1, [1]), root([2], 1, [2, 3, 4])],
  'not signed by the new key': [false, root([1], 1, [1]), root([2], 1, [1, 3, 4])],
  'one of three new signatures missing': [
    false,
    root([0, 1, 2, 3, 4], 3, [0, 2, 4]),
    root([0, 1, 3, 4, 5], 3, [0, 2, 4]),
  ],
  'one of three old signatures missing': [
    false,
    root([0, 1, 2, 3, 4], 3, [0, 2, 4]),
    root([0, 1, 3, 4, 5], 3, [0, 4, 5]),
  ],
  'raised threshold not reached': [false, root([1, 2, 3], 1, [1]), root([1, 2, 3], 2, [2])],
  'old threshold not reached': [false, root([1, 2, 3], 2, [1, 2]), root([1, 2, 3], 1, [1])],
}

suite('Root rotation (specification 5.3; attacks.md KC-7, ROOT-N)', { concurrency: true }, () => {
  for (const [name, [accepted, ...versions]] of Object.entries(ROOT_CHAINS)) {
    void test(`${accepted ? 'followed' : 'refused'}: ${name}`, async () => {
      const repository = await RepositorySimulator.create()
      const signers = Array.from({ length: 10 }, newSigner)
      repository.files.delete('1.root.json')
      repository.root.version = 0
      for (const { keys, threshold, signatures } of versions) {
        repository.root.roles.root = { keyids: [], threshold }
        for (const signer of pick(signers, keys)) repository.addKey('root', signer)
        await repository.publishRoot(pick(signers, signatures))
      }
      await using visitor = await Visitor.arrive(repository)
      if (accepted) await visitor.client.refresh()
      else await visitor.refused('threshold-not-met')
      const last = accepted ? versions.length : versions.length - 1
      assert.equal((await visitor.stored()).get('root.json'), repository.file(`${last}.root.json`).toString())
    })
  }

  void test('every key of every role rotated at once is followed, from a root long ago', async () => {
    await using visitor = await visit()
    const { repository } = visitor
    for (let round = 0; round < 3; round += 1) {
      const before = repository.signers.get('root') ?? []
      for (const role of ['root', 'timestamp', 'snapshot', 'targets'] satisfies TopLevelRole[]) repository.rotate(role)
      const after = (repository.signers.get('root') ?? []).slice(-1)
      await repository.publishRoot([...before.slice(-1), ...after])
    }
    await repository.publish('targets')
    await visitor.client.refresh()
    assert.equal(await visitor.version('root'), 4)
    assert.equal(await visitor.version('targets'), 2)
  })

  void test('ROOT-N: no more roots than the limit in one refresh; the next goes on', async () => {
    const repository = await RepositorySimulator.create()
    while (repository.root.version <= MAX_ROOT_ROTATIONS + 1) await repository.publishRoot()
    await using visitor = await Visitor.arrive(repository)
    await visitor.client.refresh()
    assert.equal(await visitor.version('root'), MAX_ROOT_ROTATIONS + 1)
    await visitor.client.refresh()
    assert.equal(await visitor.version('root'), MAX_ROOT_ROTATIONS + 2)
  })

  void test('a root that is not whole is not taken to begin with, nor from the state; nothing is requested', async () => {
    const repository = await RepositorySimulator.create()
    const first = repository.firstRoot.toString()
    repository.files.set('1.root.json', Buffer.from(first.replace('"version":1', '"version":2')))
    await assert.rejects(Visitor.arrive(repository), { code: 'threshold-not-met' })
    assert.deepEqual(repository.requests, [])
  })
})

function root(keys: readonly number[], threshold: number, signatures: readonly number[]): RootVersion {
  return { keys, threshold, signatures }
}

function pick(signers: readonly Signer[], numbers: readonly number[]): Signer[] {
  return signers.filter((_, number) => numbers.includes(number))
}

function plain({ key }: Signer): { keytype: string; scheme: string; keyval: { public: string } } {
  return { keytype: key.keytype, scheme: key.scheme, keyval: { public: key.public } }
}
