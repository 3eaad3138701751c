import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importSignatures, signRequest } from '../ceremony/ceremony-signatures.ts'
import type { CeremonyResult } from '../ceremony/finish-ceremony.ts'
import { finishCeremony } from '../ceremony/finish-ceremony.ts'
import type { CeremonyChanges } from '../ceremony/draft-ceremony.ts'
import { draftCeremony } from '../ceremony/draft-ceremony.ts'
import type { PublicKey } from '../public-key.ts'
import { readMetadata } from '../read-metadata.ts'
import type { Signer } from '../signer.ts'
import { signersOf } from '../threshold.ts'
import { writeTime } from '../timestamps.ts'
import { writeMetadata } from '../write-metadata.ts'
import { rootDocument } from './initial-documents.ts'
import { openRepository } from './open-repository.ts'
import type { PublishChanges } from './plan-publish.ts'
import { raiseVersions } from './raise-versions.ts'
import { dueRoles } from './renewals.ts'
import { signersById, topTrust } from './repository-state.ts'
import { refusedWith } from './testing/refused-with.ts'
import type { KEY_NAMES } from './testing/sample-repository.ts'
import { DAY, newSigner, SampleRepository, sampleTable, START, target } from './testing/sample-repository.ts'

async function ceremony(sample: SampleRepository, changes: CeremonyChanges): Promise<CeremonyResult> {
  const request = await draftCeremony(sample.state, changes, { now: START, load: sample.load })
  const one = importSignatures(request, [], await signRequest(request, sample.signer('anna')))
  return finishCeremony(
    request,
    importSignatures(request, one, await signRequest(request, sample.signer('ben'))),
    START,
  )
}

function replacing(sample: SampleRepository, name: (typeof KEY_NAMES)[number], key: PublicKey): CeremonyChanges {
  return { replaceKeys: new Map([[sample.signer(name).key.keyid, key]]) }
}

for (const name of ['deny', 'claims', 'bins', 'snapshot', 'timestamp'] as const) {
  void test(`the key ${name} is replaced: every role it signed is signed by the new one, in one snapshot`, async () => {
    const sample = await SampleRepository.create()
    await sample.publish({ targets: [{ role: 'bins', path: 'simple/six/index.json', target: target('body') }] })
    const fresh = newSigner()
    const changes = await ceremony(sample, replacing(sample, name, fresh.key))
    await assert.rejects(sample.plan(changes), refusedWith('threshold-not-met'))
    sample.signers = signersById([...sample.signers.values(), fresh])
    const plan = await sample.publish(changes)
    const { root, roles, snapshot } = sample.verify()
    assert.equal(snapshot.signed.version, 3)
    assert.ok([...roles.values()].some(({ signed }) => signed.targets.has('simple/six/index.json')))
    const bins = plan.files.filter(({ role }) => role.startsWith('bin-')).length
    assert.equal(bins, name === 'bins' ? 16 : 0)

    // The old key is of no use any more, and not needed.
    const old = sample.signer(name).key.keyid
    const trusted = [root, ...roles.values()].flatMap(({ signed }) =>
      signed.type === 'root' ? [...signed.keys.keys()] : [...(signed.delegations?.keys.keys() ?? [])],
    )
    assert.ok(!trusted.includes(old))
    sample.signers = signersById([...sample.signers.values()].filter(({ key }) => key.keyid !== old))
    const next = await sample.publish({ renew: ['deny', 'claimed-3f', 'bin-3'] })
    sample.verify()
    for (const { role, bytes } of next.files) {
      const type = role === 'snapshot' || role === 'timestamp' ? role : 'targets'
      assert.ok(!readMetadata(type, bytes).signatures.some(({ keyid }) => keyid === old))
    }
  })
}

void test('while the root changes, clients with the old one and with the new one both verify, and the root comes last', async () => {
  const sample = await SampleRepository.create()
  const [snapshot, timestamp] = [newSigner(), newSigner()]
  const before = sample.verify().root
  const changes = await ceremony(sample, {
    replaceKeys: new Map([
      [sample.signer('snapshot').key.keyid, snapshot.key],
      [sample.signer('timestamp').key.keyid, timestamp.key],
    ]),
  })
  sample.signers = signersById([...sample.signers.values(), snapshot, timestamp])
  const plan = await sample.plan(changes)
  assert.deepEqual(
    plan.files.map(({ role }) => role),
    ['snapshot', 'timestamp', 'root'],
  )
  for (const { role, bytes } of plan.files) {
    if (role === 'root') continue
    const metadata = readMetadata(role as 'snapshot', bytes)
    for (const { signed } of [before, plan.state.root]) {
      assert.equal(signersOf(metadata, topTrust(signed, role as 'snapshot')).length, 1, role)
    }
  }
})

void test('without the old keys the new root comes before the timestamp, and what was cut short between is found', async () => {
  const sample = await SampleRepository.create()
  const timestamp = newSigner()
  const changes = await ceremony(sample, replacing(sample, 'timestamp', timestamp.key))
  const kept = [...sample.signers.values()].filter(({ key }) => key !== sample.signer('timestamp').key)
  sample.signers = signersById([...kept, timestamp])
  const plan = await sample.plan(changes)
  assert.deepEqual(
    plan.files.map(({ role }) => role),
    ['snapshot', 'root', 'timestamp'],
  )
  await sample.store.publish(plan.files.slice(0, 2))
  const opened = await openRepository(sampleTable(), { load: sample.load, timestamp: () => sample.store.timestamp() })
  assert.deepEqual(opened.unfinishedRoot, changes.root)
  assert.equal(opened.state.root.signed.version, 1)
  sample.state = opened.state
  await sample.publish({ ...changes, root: opened.unfinishedRoot })
  assert.equal(sample.verify().root.signed.version, 2)
})

void test('a ceremony whose files are out already, all but the root, can be brought out again', async () => {
  const sample = await SampleRepository.create()
  const dora = newSigner()
  const changes = await ceremony(sample, replacing(sample, 'cleo', dora.key))
  const plan = await sample.plan(changes)
  assert.equal(plan.files.at(-1)?.role, 'root')
  await sample.store.publish(plan.files.slice(0, -1))
  const { state } = await openRepository(sampleTable(), {
    load: sample.load,
    timestamp: () => sample.store.timestamp(),
  })
  assert.equal(state.root.signed.version, 1)
  sample.state = state
  await sample.publish(changes)
  assert.equal(sample.verify().root.signed.version, 2)
})

void test('FF: after a fast-forward attack new keys begin again at low versions; without new keys nothing falls', async () => {
  const sample = await SampleRepository.create()
  const huge = 10 ** 9
  const bump = (role: string, version: number) => (role.startsWith('bin-') || role === 'timestamp' ? huge : version + 0)
  const online = (role: string, version: number) =>
    ['targets', 'sealed-3f', 'bins'].includes(role) ? undefined : bump(role, version) + 1
  await sample.publish({ renumber: online }, { snapshot: huge })
  const high = sample.verify()
  assert.equal(high.snapshot.signed.version, huge)
  const low = (role: string): number | undefined => (role.startsWith('bin-') || role === 'timestamp' ? 7 : undefined)
  await assert.rejects(sample.plan({ renumber: low }, { snapshot: 7 }), refusedWith('rollback'))
  await assert.rejects(sample.plan({ renumber: low }, { snapshot: huge + 1 }), refusedWith('rollback'))

  const one = newSigner()
  const half = await ceremony(sample, replacing(sample, 'timestamp', one.key))
  sample.signers = signersById([...sample.signers.values(), one])
  await assert.rejects(sample.plan({ ...half, renumber: low }, { snapshot: 7 }), refusedWith('rollback'))

  const [snapshot, timestamp, bins] = [newSigner(), newSigner(), newSigner()]
  sample.signers = signersById([...sample.signers.values(), snapshot, timestamp, bins])
  const replaced = new Map([
    [sample.signer('snapshot').key.keyid, snapshot.key],
    [sample.signer('timestamp').key.keyid, timestamp.key],
  ])
  // Of a bin that its old key has signed before, a mirror may hold another file of that version.
  const kept = await ceremony(sample, { replaceKeys: replaced })
  await assert.rejects(sample.plan({ ...kept, renumber: low }, { snapshot: 7 }), refusedWith('rollback', 'bin-'))
  const changes = await ceremony(sample, {
    replaceKeys: new Map([...replaced, [sample.signer('bins').key.keyid, bins.key]]),
  })
  const plan = await sample.publish({ ...changes, renumber: low }, { snapshot: 7 })
  const recovered = sample.verify({ restarted: true })
  assert.equal(recovered.snapshot.signed.version, 7)
  assert.equal(recovered.timestampVersion, 7)
  assert.ok([...recovered.snapshot.signed.meta].every(([, { version }]) => version <= 10))
  // Nothing is signed by the keys that others have.
  assert.deepEqual(
    plan.files.slice(-3).map(({ role }) => role),
    ['snapshot', 'root', 'timestamp'],
  )
  const stolen = [sample.signer('snapshot').key.keyid, sample.signer('timestamp').key.keyid]
  for (const role of ['snapshot', 'timestamp'] as const) {
    const { bytes } = plan.files.find((file) => file.role === role) ?? { bytes: new Uint8Array() }
    assert.ok(readMetadata(role, bytes).signatures.every(({ keyid }) => !stolen.includes(keyid)))
  }
  await sample.publish({ renew: ['bin-3'] })
  assert.equal(sample.verify({ restarted: true }).roles.get('bin-3')?.signed.version, 8)
})

void test('FF: a file that is handed in begins again only under keys of its own that are new, with new online keys', async () => {
  const sample = await SampleRepository.create()
  const [dora, emil, snapshot, timestamp] = [newSigner(), newSigner(), newSigner(), newSigner()]
  const handedIn = async (signer: Signer, version: number): Promise<PublishChanges> => {
    const delegation = { keys: [signer.key], threshold: 1, paths: ['projects/3f/six/*'], terminating: true }
    const expires = writeTime(START + 100 * DAY)
    const document = { _type: 'targets', spec_version: '1.0.34', version, expires, targets: {} }
    return {
      delegations: [{ delegator: 'claimed-3f', name: 'p.six', delegation }],
      signed: [{ role: 'p.six', delegator: 'claimed-3f', bytes: await writeMetadata(document, [signer]) }],
    }
  }
  for (const version of [1, 2, 3]) await sample.publish(await handedIn(dora, version))
  const renumber = (role: string): number | undefined => (role === 'p.six' ? 2 : undefined)
  await assert.rejects(sample.plan({ ...(await handedIn(emil, 2)), renumber }), refusedWith('rollback', 'p.six'))
  const { root } = await ceremony(sample, {
    replaceKeys: new Map([
      [sample.signer('snapshot').key.keyid, snapshot.key],
      [sample.signer('timestamp').key.keyid, timestamp.key],
    ]),
  })
  sample.signers = signersById([...sample.signers.values(), snapshot, timestamp])
  await assert.rejects(sample.plan({ ...(await handedIn(dora, 2)), root, renumber }), refusedWith('rollback', 'p.six'))
  await sample.publish({ ...(await handedIn(emil, 2)), root, renumber })
  assert.equal(sample.verify({ restarted: true }).roles.get('p.six')?.signed.version, 2)
})

void test('RB-BAK: after a restored backup every version is above what was ever published; offline roles are asked for', async () => {
  const sample = await SampleRepository.create()
  const backup = { state: sample.state, files: new Map(sample.store.files) }
  await sample.publish({ targets: [{ role: 'bins', path: 'simple/six/index.json', target: target('body') }] })
  const renewed = await ceremony(sample, { renew: ['sealed-3f'] })
  await sample.publish(renewed)
  const lost = new Map(Array.from(sample.verify().snapshot.signed.meta, ([role, { version }]) => [role, version]))

  sample.state = backup.state
  sample.store.files.clear()
  for (const [name, bytes] of backup.files) sample.store.files.set(name, bytes)
  const { renumber, elsewhere } = raiseVersions(sample.state, (role, version) => lost.get(role) ?? version + 5)
  assert.deepEqual([...elsewhere], [['sealed-3f', 3]])
  await assert.rejects(sample.plan({ renumber }, { snapshot: 50 }), refusedWith('threshold-not-met', 'sealed-3f'))
  const changes = await ceremony(sample, { versions: elsewhere })
  const plan = await sample.publish({ ...changes, renumber }, { snapshot: 50 })
  const { snapshot, timestampVersion } = sample.verify()
  assert.equal(timestampVersion, 7)
  assert.equal(plan.files.filter(({ role }) => role.startsWith('bin-')).length, 16)
  for (const [role, version] of lost) {
    const now = snapshot.signed.meta.get(role)?.version ?? 0
    // The others that nobody here can sign are as they were when the backup was made.
    assert.ok(['targets', 'bins'].includes(role) ? now === version : now > version, role)
  }
})

void test('the state is made again from the stored files alone, and goes on where the other one was', async () => {
  const sample = await SampleRepository.create()
  for (const [at, project] of ['six', 'attrs', 'pip'].entries()) {
    const path = `simple/${project}/index.json`
    await sample.publish({ targets: [{ role: 'bins', path, target: target(project) }] }, { now: START + at * DAY })
  }
  const stored = { load: sample.load, timestamp: () => sample.store.timestamp() }
  const { state, unfinishedRoot } = await openRepository(sampleTable(), stored)
  assert.equal(unfinishedRoot, undefined)
  assert.deepEqual([...state.entries], [...sample.state.entries])
  assert.equal(state.entries.text, sample.state.entries.text)
  assert.deepEqual(state.snapshot, sample.state.snapshot)
  assert.deepEqual(state.timestamp, sample.state.timestamp)

  sample.loads.length = 0
  const expiries = () => Promise.resolve(new Map(Array.from(state.entries, (entry) => [entry.role, entry])))
  const quick = await openRepository(sampleTable(), { ...stored, expiries })
  assert.ok(!sample.loads.some((role) => role.startsWith('bin-')))
  assert.deepEqual([...quick.state.entries], [...state.entries])
  sample.state = quick.state
  await sample.publish({ renew: ['bin-3'] })
  sample.verify()
})

void test('KC-7: a stored root that does not follow from the first one is not gone on from', async () => {
  const sample = await SampleRepository.create()
  const stored = { load: sample.load, timestamp: () => sample.store.timestamp() }
  const mallory = newSigner()
  const { root } = sample.state
  const keysOf = (role: 'snapshot' | 'targets' | 'timestamp') => {
    const { keyids, keys, threshold } = topTrust(root.signed, role)
    return { keys: keyids.flatMap((keyid) => keys.get(keyid) ?? []), threshold }
  }
  const forged = rootDocument(2, START + 300 * DAY, {
    root: { keys: [mallory.key], threshold: 1 },
    targets: keysOf('targets'),
    snapshot: keysOf('snapshot'),
    timestamp: keysOf('timestamp'),
  })
  sample.store.files.set('2.root.json', await writeMetadata(forged, [mallory]))
  await assert.rejects(openRepository(sampleTable(), stored), refusedWith('threshold-not-met'))
  // Nor one that is no first root.
  sample.store.files.delete('2.root.json')
  sample.store.files.set('1.root.json', await writeMetadata(forged, [mallory]))
  await assert.rejects(openRepository(sampleTable(), stored), refusedWith('version-mismatch'))
})

void test('a store with a damaged snapshot or timestamp is not opened', async () => {
  const sample = await SampleRepository.create()
  const stored = { load: sample.load, timestamp: () => sample.store.timestamp() }
  const bytes = sample.store.files.get('1.snapshot.json') ?? new Uint8Array()
  sample.store.files.set(
    '1.snapshot.json',
    Buffer.from(Buffer.from(bytes).toString().replace('"version":1', '"version":2')),
  )
  await assert.rejects(openRepository(sampleTable(), stored), refusedWith('hash-mismatch'))
  sample.store.files.set('1.snapshot.json', bytes)
  const deny = sample.store.files.get('1.deny.json') ?? new Uint8Array()
  sample.store.files.delete('1.deny.json')
  await assert.rejects(openRepository(sampleTable(), stored), refusedWith('missing-role', 'deny'))
  sample.store.files.set('1.deny.json', deny)
  // What belongs into a bin is known elsewhere: it is opened, and due.
  sample.store.files.delete('1.bin-3.json')
  const { state } = await openRepository(sampleTable(), stored)
  assert.deepEqual(dueRoles(state, START).roles, ['bin-3'])
  const timestamp = Buffer.from(sample.store.files.get('timestamp.json') ?? []).toString()
  sample.store.files.set('timestamp.json', Buffer.from(timestamp.replace('"version":1}', '"version":9}')))
  await assert.rejects(openRepository(sampleTable(), stored), refusedWith('threshold-not-met'))
})
