import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Encodable } from '../canonical-json.ts'
import type { TrustErrorCode } from '../error.ts'
import type { Signer } from '../signer.ts'
import { writeTime } from '../timestamps.ts'
import { writeMetadata } from '../write-metadata.ts'
import type { DelegationChange, PublishChanges } from './plan-publish.ts'
import { refusedWith } from './testing/refused-with.ts'
import { DAY, newSigner, SampleRepository, START, target } from './testing/sample-repository.ts'

const FILE = 'projects/3f/six/six-1.0.tar.gz'

interface DeveloperFile {
  readonly version?: number
  readonly expires?: number
  readonly path?: string
  readonly more?: { readonly [name: string]: Encodable }
}

async function developerFile(signers: readonly Signer[], file: DeveloperFile = {}): Promise<Uint8Array> {
  const { version = 1, expires = START + 100 * DAY, path = FILE, more = {} } = file
  const { length, sha256 } = target('six')
  const targets = { [path]: { length, hashes: { sha256 } } }
  const document = { _type: 'targets', spec_version: '1.0.34', version, expires: writeTime(expires), targets, ...more }
  return await writeMetadata(document, signers)
}

function delegation(keys: readonly Signer[], threshold = 2): DelegationChange {
  return {
    delegator: 'claimed-3f',
    name: 'p.six',
    delegation: { keys: keys.map(({ key }) => key), threshold, paths: ['projects/3f/six/*'], terminating: true },
  }
}

const [dora, emil, finn] = [newSigner(), newSigner(), newSigner()]

function signed(bytes: Uint8Array): NonNullable<PublishChanges['signed']> {
  return [{ role: 'p.six', delegator: 'claimed-3f', bytes }]
}

async function withDeveloper(): Promise<SampleRepository> {
  const sample = await SampleRepository.create()
  await sample.publish({
    targets: [{ role: 'claimed-3f', path: 'names/3f/six.json', target: target('record') }],
    delegations: [delegation([dora, emil, finn])],
    signed: signed(await developerFile([dora, emil])),
  })
  return sample
}

void test('a claimed name gets a role of its own, signed by its developers, whose bytes are kept as they came', async () => {
  const sample = await withDeveloper()
  const { roles, snapshot } = sample.verify()
  assert.ok(roles.get('p.six')?.signed.targets.has(FILE))
  const bytes = await developerFile([emil, finn], { version: 2 })
  const plan = await sample.publish({ signed: signed(bytes) })
  assert.deepEqual(
    plan.files.map(({ role }) => role),
    ['p.six', 'snapshot', 'timestamp'],
  )
  assert.deepEqual(sample.store.files.get('2.p.six.json'), bytes)
  sample.verify()
  // So that whoever steals the developers' keys has to steal the snapshot's as well.
  assert.equal(snapshot.signed.meta.get('p.six')?.hashes?.has('sha256'), true)
  assert.equal(snapshot.signed.meta.get('bin-0')?.hashes, undefined)
})

const refused: [string, TrustErrorCode, () => Promise<Uint8Array>][] = [
  ['one key of two (KC-4)', 'threshold-not-met', () => developerFile([dora], { version: 2 })],
  ['one key twice (ARB-3)', 'threshold-not-met', () => developerFile([dora, newSigner()], { version: 2 })],
  ['strangers', 'threshold-not-met', () => developerFile([newSigner(), newSigner()], { version: 2 })],
  ['the version that is out', 'version-mismatch', () => developerFile([dora, finn])],
  ['a version that skips one', 'version-mismatch', () => developerFile([dora, emil], { version: 3 })],
  ['an end in the past', 'expired', () => developerFile([dora, emil], { version: 2, expires: START })],
  [
    'no end in sight',
    'metadata-invalid',
    () => developerFile([dora, emil], { version: 2, expires: START + 400 * DAY }),
  ],
  [
    "somebody else's path (DEL-4)",
    'metadata-invalid',
    () => developerFile([dora, emil], { version: 2, path: 'projects/3f/seven/seven-1.0.tar.gz' }),
  ],
  [
    'a path that is read in two ways',
    'metadata-invalid',
    () => developerFile([dora, emil], { version: 2, path: 'projects/3f/six/a b' }),
  ],
  [
    'delegations of its own (DEL-1)',
    'metadata-invalid',
    () => developerFile([dora, emil], { version: 2, more: { delegations: { keys: {}, roles: [] } } }),
  ],
  ['another type', 'metadata-invalid', () => developerFile([dora, emil], { version: 2, more: { _type: 'snapshot' } })],
]

for (const [what, code, file] of refused) {
  void test(`a developers' file is refused for ${what}`, async () => {
    const sample = await withDeveloper()
    await assert.rejects(sample.plan({ signed: signed(await file()) }), refusedWith(code))
  })
}

void test('RB-DEL: a file that is handed in as an earlier version is refused, whatever is renumbered', async () => {
  const sample = await withDeveloper()
  await sample.publish({ signed: signed(await developerFile([dora, emil], { version: 2 })) })
  const bytes = await developerFile([dora, emil], { version: 1, expires: START + 90 * DAY })
  await assert.rejects(
    sample.plan({ signed: signed(bytes), renumber: (role) => (role === 'p.six' ? 1 : undefined) }),
    refusedWith('rollback', 'p.six'),
  )
})

void test('a delegation without a file, or to keys that have not signed the file there, is refused (DEL-3)', async () => {
  const fresh = await SampleRepository.create()
  await assert.rejects(fresh.plan({ delegations: [delegation([dora], 1)] }), refusedWith('missing-role', 'p.six'))
  const sample = await withDeveloper()
  const gustav = newSigner()
  await assert.rejects(sample.plan({ delegations: [delegation([gustav], 1)] }), refusedWith('threshold-not-met'))
  await sample.publish({
    delegations: [delegation([gustav], 1)],
    signed: signed(await developerFile([gustav], { version: 2 })),
  })
  sample.verify()
})

void test('a developer key is replaced without a new file where the others signed it', async () => {
  const sample = await withDeveloper()
  await sample.publish({ delegations: [delegation([dora, emil, newSigner()])] })
  const { roles } = sample.verify()
  assert.equal(roles.get('claimed-3f')?.signed.delegations?.keys.size, 3)
})

void test('a delegation that ends leaves its role in the snapshot, since clients refuse one that drops it (RB-RM)', async () => {
  const sample = await withDeveloper()
  await sample.publish({ delegations: [{ ...delegation([]), delegation: undefined }] })
  const { snapshot, roles } = sample.verify()
  assert.equal(snapshot.signed.meta.get('p.six')?.version, 1)
  assert.equal(roles.has('p.six'), false)
  assert.equal(roles.get('claimed-3f')?.signed.delegations?.keys.size, 0)
  await sample.publish({
    delegations: [delegation([finn, emil])],
    signed: signed(await developerFile([finn, emil], { version: 2 })),
  })
  assert.equal(sample.verify().roles.get('p.six')?.signed.version, 2)
})

void test('nobody delegates what is not theirs: other paths, names of others, names like numbers, the same key twice', async () => {
  const sample = await SampleRepository.create()
  const good = delegation([dora, emil])
  const change = (
    delegator: string,
    name: string,
    paths: readonly string[],
    keys: readonly Signer[],
  ): DelegationChange => ({
    delegator,
    name,
    delegation: { keys: keys.map(({ key }) => key), threshold: 2, paths, terminating: true },
  })
  const paths = good.delegation?.paths ?? []
  for (const wrong of [
    change('claimed-3f', 'p.six', ['projects/40/six/*'], [dora, emil]),
    change('claimed-3f', 'p.six', ['projects/3f/**'], [dora, emil]),
    change('claimed-3f', 'p.six', [], [dora, emil]),
    change('claimed-3f', 'deny', paths, [dora, emil]),
    change('claimed-3f', 'bin-3', paths, [dora, emil]),
    change('claimed-3f', '7', paths, [dora, emil]),
    change('claimed-3f', 'p.six', paths, [dora, dora]),
    change('bins', 'p.six', ['simple/*/*'], [dora, emil]),
    change('p.other', 'p.six', paths, [dora, emil]),
  ]) {
    await assert.rejects(sample.plan({ delegations: [wrong] }), refusedWith('metadata-invalid'), JSON.stringify(wrong))
  }
})

void test('a role of many files handed in does not cost the others anything', async () => {
  const sample = await withDeveloper()
  sample.loads.length = 0
  await sample.publish({ signed: signed(await developerFile([dora, finn], { version: 2 })) })
  assert.deepEqual([...new Set(sample.loads)].sort(), ['claimed-3f', 'p.six'])
})
