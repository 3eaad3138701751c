import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { binName, binOf } from '../succinct-bins.ts'
import type { TrustErrorCode } from '../error.ts'
import { planTimestamp } from './finish-plan.ts'
import { planPublish } from './plan-publish.ts'
import type { PublishChanges, TargetChange } from './plan-publish.ts'
import { HOUR, SampleRepository, sampleTable, START, target } from './testing/sample-repository.ts'
import { refusedWith } from './testing/refused-with.ts'

function page(project: string, content: string | undefined): TargetChange {
  const path = `simple/${project}/index.json`
  return { role: 'bins', path, target: content === undefined ? undefined : target(content) }
}

function binFor(path: string): string {
  const bins = { bitLength: 4, namePrefix: 'bin' }
  return binName(bins, binOf(bins, path))
}

void test('a repository is created whole: every role of the table and every bin, verified edge by edge', async () => {
  const sample = await SampleRepository.create()
  const { roles, snapshot } = sample.verify()
  assert.equal(roles.size, 1 + 4 + 16)
  assert.deepEqual([...snapshot.signed.meta.keys()].sort(), [...roles.keys()].sort())
  const delegations = roles.get('targets')?.signed.delegations
  assert.deepEqual(
    delegations?.roles.map(({ name }) => name),
    ['deny', 'sealed-3f', 'claimed-3f', 'bins'],
  )
  assert.deepEqual(
    delegations.roles.map(({ terminating }) => terminating),
    [true, false, true, true],
  )
})

void test('a page goes into the bin of its path; what it costs is that bin, the snapshot and the timestamp', async () => {
  const sample = await SampleRepository.create(sampleTable(8))
  sample.loads.length = 0
  const plan = await sample.publish({ targets: [page('six', 'body')] }, { now: START + HOUR })
  const bin = plan.files[0]?.role ?? ''
  assert.deepEqual(
    plan.files.map(({ role, version }) => [role, version]),
    [
      [bin, 2],
      ['snapshot', 2],
      ['timestamp', 2],
    ],
  )
  assert.deepEqual(sample.loads, [bin])
  const { roles, snapshot, issued } = sample.verify()
  assert.deepEqual([...(roles.get(bin)?.signed.targets.keys() ?? [])], ['simple/six/index.json'])
  assert.deepEqual(snapshot.signed.meta.get(bin), { version: 2, length: undefined, hashes: undefined })
  assert.equal(issued, START + HOUR)
})

void test('a batch signs each role once, whatever it changes in it, and what is taken away is gone', async () => {
  const sample = await SampleRepository.create()
  const projects = Array.from({ length: 100 }, (_, at) => `project-${at}`)
  const plan = await sample.publish({ targets: projects.map((project) => page(project, project)) })
  assert.equal(new Set(plan.files.map(({ role }) => role)).size, plan.files.length)
  await sample.publish({ targets: [page('project-7', undefined)] })
  const { roles } = sample.verify()
  const listed = [...roles.values()].flatMap(({ signed }) => [...signed.targets.keys()])
  assert.equal(listed.length, 99)
  assert.ok(!listed.includes('simple/project-7/index.json'))
})

void test('a plan changes nothing until it is brought out: the same state can be planned on again', async () => {
  const sample = await SampleRepository.create()
  const before = [...sample.state.entries]
  await sample.plan({ targets: [page('six', 'one')] })
  assert.deepEqual([...sample.state.entries], before)
  const plan = await sample.publish({ targets: [page('six', 'two')] })
  assert.equal(plan.files[0]?.version, 2)
  sample.verify()
})

void test('the timestamp is signed alone, and says the same of the snapshot', async () => {
  const sample = await SampleRepository.create()
  const plan = await planTimestamp(sample.state, { now: START + HOUR, signers: sample.signers })
  assert.deepEqual(
    plan.files.map(({ role, version }) => [role, version]),
    [['timestamp', 2]],
  )
  await sample.bringOut(plan)
  assert.equal(sample.verify().issued, START + HOUR)
})

void test('a snapshot number that was used is refused', async () => {
  const sample = await SampleRepository.create()
  await assert.rejects(sample.plan({}, { snapshot: 1 }), refusedWith('rollback'))
  await sample.publish({}, { snapshot: 57 })
  assert.equal(sample.verify().snapshot.signed.version, 57)
})

void test('what clients would read in two ways, or not find, is not signed', async () => {
  const sample = await SampleRepository.create()
  const { length, sha256 } = target('x')
  const cases: [TrustErrorCode, TargetChange][] = [
    ['metadata-invalid', { role: 'bins', path: 'simple/a b/index.json', target: target('x') }],
    ['metadata-invalid', { role: 'bins', path: 'simple/../index.json', target: target('x') }],
    ['metadata-invalid', { role: 'bins', path: 'simple/*/index.json', target: target('x') }],
    ['metadata-invalid', { role: 'bins', path: 'other/six/index.json', target: target('x') }],
    ['metadata-invalid', { role: 'bin-0', path: 'simple/six/index.json', target: target('x') }],
    ['metadata-invalid', { role: 'claimed-3f', path: 'names/40/six.json', target: target('x') }],
    ['metadata-invalid', { role: 'deny', path: 'deny/1', target: { length: -1, sha256 } }],
    ['metadata-invalid', { role: 'deny', path: 'deny/1', target: { length, sha256: sha256.toUpperCase() } }],
    ['json-invalid', { role: 'deny', path: 'deny/1', target: { length, sha256, custom: { a: 'line\nfeed' } } }],
    ['json-invalid', { role: 'deny', path: 'deny/1', target: { length, sha256, custom: { a: '\uD800' } } }],
    ['json-invalid', { role: 'deny', path: 'deny/1', target: { length, sha256, custom: { a: 0.5 } } }],
    ['missing-role', { role: 'nobody', path: 'deny/1', target: target('x') }],
    ['threshold-not-met', { role: 'sealed-3f', path: 'names/3f/six.json', target: target('x') }],
  ]
  for (const [code, change] of cases) {
    await assert.rejects(sample.plan({ targets: [change] }), refusedWith(code), JSON.stringify(change))
  }
})

void test('a stored file that was changed behind our back is not signed again', async () => {
  const sample = await SampleRepository.create()
  await sample.publish({ targets: [page('six', 'body')] })
  const bin = binFor('simple/six/index.json')
  const name = `2.${bin}.json`
  const text = Buffer.from(sample.store.files.get(name) ?? []).toString()
  sample.store.files.set(name, Buffer.from(text.replace('"length":4', '"length":5')))
  await assert.rejects(sample.plan({ renew: [bin] }), refusedWith('threshold-not-met', bin))
  sample.store.files.set(name, sample.store.files.get(`1.${bin}.json`) ?? new Uint8Array())
  await assert.rejects(sample.plan({ renew: [bin] }), refusedWith('version-mismatch', bin))
  sample.store.files.delete(name)
  await assert.rejects(sample.plan({ renew: [bin] }), refusedWith('missing-role', bin))
})

void test('any sequence of publishes leaves what the changes say, consistent, and no version lower', async () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), project: fc.nat(20), content: fc.string({ maxLength: 5 }) }),
    fc.record({ kind: fc.constant('remove' as const), project: fc.nat(20) }),
    fc.record({ kind: fc.constant('renew' as const), bin: fc.nat(15) }),
    fc.record({ kind: fc.constant('deny' as const), number: fc.nat(5) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 8 }), async (batches) => {
      const sample = await SampleRepository.create()
      const expected = new Map<string, string>()
      for (const batch of batches) {
        const targets: TargetChange[] = []
        const renew: string[] = []
        for (const item of batch) {
          switch (item.kind) {
            case 'set':
              targets.push(page(`p${item.project}`, item.content))
              expected.set(`simple/p${item.project}/index.json`, target(item.content).sha256)
              break
            case 'remove':
              targets.push(page(`p${item.project}`, undefined))
              expected.delete(`simple/p${item.project}/index.json`)
              break
            case 'renew':
              renew.push(`bin-${item.bin.toString(16)}`)
              break
            case 'deny':
              targets.push({ role: 'deny', path: `deny/${item.number}.json`, target: target(`${item.number}`) })
              expected.set(`deny/${item.number}.json`, target(`${item.number}`).sha256)
              break
          }
        }
        await sample.publish({ targets, renew })
        const { roles } = sample.verify()
        const listed = [...roles.values()].flatMap(({ signed }) =>
          Array.from(signed.targets, ([path, { hashes }]) => [path, hashes.get('sha256')] as const),
        )
        assert.deepEqual(new Map(listed), expected)
        assert.equal(listed.length, expected.size)
      }
    }),
    { numRuns: 40 },
  )
})

void test('without a key that a change needs nothing is planned', async () => {
  const sample = await SampleRepository.create()
  const changes: PublishChanges = { targets: [page('six', 'body')] }
  for (const name of ['bins', 'snapshot', 'timestamp'] as const) {
    const signers = new Map(sample.signers)
    signers.delete(sample.signer(name).key.keyid)
    const plan = planPublish(sample.state, changes, { snapshot: 2, now: START, signers, load: sample.load })
    await assert.rejects(plan, refusedWith('threshold-not-met'))
  }
})
