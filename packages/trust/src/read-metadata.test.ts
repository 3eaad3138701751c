import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { anything, assert as check, property } from 'fast-check'
import { canonicalJson, wireJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import { TrustError } from './error.ts'
import { generatePrivateKey, keySigner } from './key-signer.ts'
import type { Metadata, SignedOf, TopLevelRole } from './metadata.ts'
import { TOP_LEVEL_ROLES } from './metadata.ts'
import { keyDocument } from './public-key.ts'
import { readMetadata } from './read-metadata.ts'
import { signersOf, verifyThreshold } from './threshold.ts'

const signer = keySigner(generatePrivateKey())
const role = { keyids: [signer.key.keyid], threshold: 1 }
const common = { spec_version: '1.0.34', version: 1, expires: '2030-01-01T00:00:00Z' }
const hashes = { sha256: '00' }
const delegation = { name: 'a', ...role, terminating: false, paths: ['*'] }
const delegations = { keys: { [signer.key.keyid]: keyDocument(signer.key) }, roles: [delegation] }

const WHOLE: Readonly<Record<TopLevelRole, Record<string, Encodable>>> = {
  root: {
    ...common,
    _type: 'root',
    consistent_snapshot: true,
    keys: { [signer.key.keyid]: keyDocument(signer.key) },
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  },
  timestamp: { ...common, _type: 'timestamp', meta: { 'snapshot.json': { version: 1 } } },
  snapshot: { ...common, _type: 'snapshot', meta: { 'targets.json': { version: 1, length: 1, hashes } } },
  targets: { ...common, _type: 'targets', targets: { file: { length: 0, hashes } }, delegations },
}

function read<T extends TopLevelRole>(type: T, signed: Encodable, signatures: Encodable = []): Metadata<SignedOf<T>> {
  return readMetadata(type, Buffer.from(wireJson({ signatures, signed })))
}

void suite('Metadata (specification section 4)', () => {
  for (const type of TOP_LEVEL_ROLES) {
    void test(`${type}: is read when whole, and no member may be missing or of another type`, () => {
      assert.equal(read(type, WHOLE[type]).signed.type, type)
      for (const member of Object.keys(WHOLE[type])) {
        const { [member]: _, ...rest } = WHOLE[type]
        if (member !== 'delegations') assert.throws(() => read(type, rest), { code: 'metadata-invalid' }, member)
        for (const wrong of [null, 'x', -1, false, [], {}, [null]] satisfies Encodable[]) {
          if (JSON.stringify(wrong) === JSON.stringify(WHOLE[type][member])) continue
          if (member === 'consistent_snapshot' && typeof wrong === 'boolean') continue
          if ((member === 'targets' || member === 'meta' || member === 'keys') && canonicalJson(wrong) === '{}')
            continue
          assert.throws(() => read(type, { ...rest, [member]: wrong }), { code: 'metadata-invalid' }, member)
        }
      }
      const other = type === 'root' ? 'targets' : 'root'
      assert.throws(() => read(other, WHOLE[type]), { code: 'metadata-invalid' })
    })
  }

  void test('anything at all is metadata or a TrustError', () => {
    check(
      property(anything(), anything(), (signed, inner) => {
        for (const document of [
          signed,
          { signed, signatures: [] },
          { signed: { ...WHOLE.targets, targets: inner }, signatures: [] },
        ]) {
          let text: string | undefined
          try {
            text = JSON.stringify(document)
          } catch {
            return
          }
          for (const type of TOP_LEVEL_ROLES) {
            try {
              readMetadata(type, Buffer.from(text ?? ''))
            } catch (error) {
              assert.ok(error instanceof TrustError, String(error))
            }
          }
        }
      }),
    )
  })

  void test('what is signed is kept whole, also what nobody here knows', () => {
    const document = { ...WHOLE.timestamp, 'x-custom': { b: [1], a: 'ä\n' } }
    const { signedBytes, signed } = read('timestamp', document)
    assert.equal(Buffer.from(signedBytes).toString(), canonicalJson(document))
    assert.equal(signed.issued, undefined)
    assert.equal(read('timestamp', { ...document, 'x-issued': '2030-01-01T00:00:00Z' }).signed.issued, 1893456000000)
    assert.throws(() => read('timestamp', { ...document, 'x-issued': 'soon' }), { code: 'metadata-invalid' })
  })

  void test('ARB-3: the same key id signs once', () => {
    const signature = { keyid: signer.key.keyid, sig: '00' }
    assert.throws(() => read('timestamp', WHOLE.timestamp, [signature, signature]), { code: 'metadata-invalid' })
    assert.throws(() => read('timestamp', WHOLE.timestamp, [signature, { ...signature, sig: '01' }]), {
      code: 'metadata-invalid',
    })
  })

  void test('a signature that is no hexadecimal counts for nothing, and is no error', () => {
    for (const sig of ['', 'x', 'zz', '0']) {
      const [signature] = read('timestamp', WHOLE.timestamp, [{ keyid: 'a', sig }]).signatures
      assert.equal(signature?.signature.length, 0)
    }
  })

  void test('names of all kinds are members like any other', () => {
    const targets = new Map(
      ['__proto__', 'constructor', '10', '9', 'toString'].map((name) => [name, { length: 1, hashes }]),
    )
    const { signed } = read('targets', { ...WHOLE.targets, targets })
    assert.deepEqual([...signed.targets.keys()].sort(), [...targets.keys()].sort())
    assert.equal(signed.targets.get('hasOwnProperty'), undefined)
    const meta = new Map([
      ['__proto__.json', { version: 7 }],
      ['targets.json', { version: 1 }],
    ])
    assert.equal(read('snapshot', { ...WHOLE.snapshot, meta }).signed.meta.get('__proto__')?.version, 7)
  })

  for (const [what, meta] of Object.entries({
    'no version': {},
    'version 0': { version: 0 },
    'length 0': { version: 1, length: 0 },
    'no hash in its hashes': { version: 1, hashes: {} },
    'a hash that is no text': { version: 1, hashes: { sha256: 1 } },
  } satisfies Record<string, Encodable>)) {
    void test(`a file in the snapshot with ${what} is refused`, () => {
      assert.throws(() => read('snapshot', { ...WHOLE.snapshot, meta: { 'a.json': meta } }), {
        code: 'metadata-invalid',
      })
    })
  }

  for (const file of ['a', '.json', `${'x'.repeat(81)}.json`]) {
    void test(`a file in the snapshot named ${file.slice(0, 8)} is no role`, () => {
      const meta = { [file]: { version: 1 } }
      assert.throws(() => read('snapshot', { ...WHOLE.snapshot, meta }), { code: 'metadata-invalid' })
    })
  }
})

void suite('Delegations as they are read (specification 4.5, TAP 15; attacks.md DEL-5)', () => {
  const withDelegations = (given: Encodable) => () => read('targets', { ...WHOLE.targets, delegations: given })
  const withRole = (changes: Record<string, Encodable | undefined>) =>
    withDelegations({ ...delegations, roles: [{ ...delegation, ...changes }] })

  void test('keep their order, also of names like integers', () => {
    const names = ['b', '10', 'a', '2', '__proto__', '1']
    const roles = names.map((name) => ({ ...delegation, name }))
    const { signed } = withDelegations({ ...delegations, roles })()
    assert.deepEqual(
      signed.delegations?.roles.map(({ name }) => name),
      names,
    )
  })

  const refused: Record<string, () => unknown> = {
    'two of one name': withDelegations({ ...delegations, roles: [delegation, delegation] }),
    'a name of a top-level role': withRole({ name: 'snapshot' }),
    'no name': withRole({ name: '' }),
    'a name that is too long': withRole({ name: 'x'.repeat(81) }),
    'both paths and prefixes': withRole({ path_hash_prefixes: ['0'] }),
    'neither paths nor prefixes': withRole({ paths: undefined }),
    'a path twice': withRole({ paths: ['a', 'a'] }),
    'a path that is no text': withRole({ paths: [1] }),
    'a path that is too long': withRole({ paths: ['x'.repeat(513)] }),
    'a prefix longer than the hash': withRole({ paths: undefined, path_hash_prefixes: ['0'.repeat(65)] }),
    'a key twice': withRole({ keyids: ['a', 'a'] }),
    'threshold 0': withRole({ threshold: 0 }),
    'no word about terminating': withRole({ terminating: undefined }),
    'roles and bins': withDelegations({
      ...delegations,
      succinct_roles: { ...role, bit_length: 8, name_prefix: 'bin' },
    }),
    'neither roles nor bins': withDelegations({ keys: {} }),
    'bins of no bits': withDelegations({ keys: {}, succinct_roles: { ...role, bit_length: 0, name_prefix: 'bin' } }),
    'too many bins': withDelegations({ keys: {}, succinct_roles: { ...role, bit_length: 21, name_prefix: 'bin' } }),
    'bins whose names are too long for files': withDelegations({
      keys: {},
      succinct_roles: { ...role, bit_length: 8, name_prefix: '/'.repeat(79) },
    }),
    'too many keys': withDelegations({
      ...delegations,
      keys: Object.fromEntries(Array.from({ length: 65_537 }, (_, number) => [String(number), {}])),
    }),
  }
  for (const [what, act] of Object.entries(refused)) {
    void test(`${what}: refused`, () => {
      assert.throws(act, { code: 'metadata-invalid' })
    })
  }

  void test('bins are read as what they are', () => {
    const succinct = { ...role, bit_length: 8, name_prefix: 'bin' }
    const { signed } = withDelegations({ keys: delegations.keys, succinct_roles: succinct })()
    assert.deepEqual(signed.delegations?.succinct, { ...role, bitLength: 8, namePrefix: 'bin' })
    assert.equal(signed.delegations?.keys.get(signer.key.keyid)?.fingerprint, signer.key.fingerprint)
  })

  void test('a key is looked at when it is asked for: many that nobody uses cost nothing', () => {
    const keys = new Map<string, Encodable>(
      Array.from({ length: 2000 }, (_, number) => [String(number), keyDocument(signer.key)]),
    )
    keys.set(signer.key.keyid, keyDocument(signer.key))
    const read = withDelegations({ ...delegations, keys })().signed.delegations?.keys
    // All but one have an id that is not their own.
    assert.equal(read?.get('7'), undefined)
    assert.equal(read?.get(signer.key.keyid), read?.get(signer.key.keyid))
    assert.equal(read?.size, 1)
  })
})

void suite('Thresholds (specification 5.3.4; attacks.md ARB-3)', () => {
  const signers = [signer, ...Array.from({ length: 3 }, () => keySigner(generatePrivateKey()))]
  const keys = new Map(signers.map(({ key }) => [key.keyid, key]))

  async function signedBy(...numbers: number[]): Promise<Metadata> {
    const unsigned = read('timestamp', WHOLE.timestamp)
    const signatures = await Promise.all(
      signers
        .filter((_, number) => numbers.includes(number))
        .map(async (one) => ({ keyid: one.key.keyid, signature: await one.sign(unsigned.signedBytes) })),
    )
    return { ...unsigned, signatures }
  }

  void test('count different keys of the role that have signed', async () => {
    const keyids = signers.slice(0, 3).map(({ key }) => key.keyid)
    for (const [numbers, count] of [
      [[], 0],
      [[0], 1],
      [[0, 1], 2],
      [[3], 0],
      [[0, 1, 2, 3], 3],
    ] as const) {
      const metadata = await signedBy(...numbers)
      assert.equal(signersOf(metadata, { keyids, threshold: 1, keys }).length, count)
      for (let threshold = 1; threshold <= 4; threshold += 1) {
        const verify = () => verifyThreshold('timestamp', metadata, { keyids, threshold, keys })
        if (threshold <= count) assert.equal(verify().length, count)
        else assert.throws(verify, { code: 'threshold-not-met' })
      }
    }
  })

  void test('a key under two ids counts once, and one without its key not at all', async () => {
    const { signedBytes } = read('timestamp', WHOLE.timestamp)
    const signature = await signer.sign(signedBytes)
    const twice = new Map([
      ['one', signer.key],
      ['two', signer.key],
    ])
    const signatures = ['one', 'two', 'three'].map((keyid) => ({ keyid, signature }))
    const trust = { keyids: ['one', 'two', 'three'], threshold: 2, keys: twice }
    assert.equal(signersOf({ signatures, signedBytes }, trust).length, 1)
  })
})
