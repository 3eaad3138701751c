import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wireJson } from '../canonical-json.ts'
import type { Encodable } from '../canonical-json.ts'
import type { JsonObject } from '../json.ts'
import { parseJson } from '../parse-json.ts'
import { createRepository } from '../repository/create-repository.ts'
import { signersById } from '../repository/repository-state.ts'
import {
  DAY,
  newSigner,
  publicKeys,
  SampleRepository,
  sampleSigners,
  sampleTable,
  START,
  target,
} from '../repository/testing/sample-repository.ts'
import type { KEY_NAMES } from '../repository/testing/sample-repository.ts'
import type { Signer } from '../signer.ts'
import type { CeremonyRequest } from './ceremony-request.ts'
import { readRequest } from './ceremony-request.ts'
import type { CeremonySignature } from './ceremony-signatures.ts'
import { ceremonyProgress, importSignatures, signRequest } from './ceremony-signatures.ts'
import { describeRequest } from './describe-request.ts'
import type { CeremonyChanges } from './draft-ceremony.ts'
import { draftCeremony, draftFirstCeremony } from './draft-ceremony.ts'
import { finishCeremony } from './finish-ceremony.ts'
import { refusedWith } from '../repository/testing/refused-with.ts'

async function signAll(request: CeremonyRequest, signers: readonly Signer[]): Promise<readonly CeremonySignature[]> {
  let collected: readonly CeremonySignature[] = []
  for (const signer of signers) collected = importSignatures(request, collected, await signRequest(request, signer))
  return collected
}

function draft(sample: SampleRepository, changes: CeremonyChanges, now = START): Promise<CeremonyRequest> {
  return draftCeremony(sample.state, changes, { now, load: sample.load })
}

/** The same request with something else in it, as somebody on the way could make it. */
function tampered(request: CeremonyRequest, change: (value: Map<string, Encodable>) => void): Uint8Array {
  const value = new Map<string, Encodable>(parseJson(request.bytes).value as JsonObject)
  change(value)
  return Buffer.from(wireJson(value))
}

void test('a repository begins with 2 of 3 holders who never meet; the server signs the rest', async () => {
  const named = sampleSigners()
  const keys = publicKeys(named)
  const [anna, ben, cleo] = ['anna', 'ben', 'cleo'].map((name) => named.get(name)) as [Signer, Signer, Signer]
  const request = draftFirstCeremony(sampleTable(), keys, START)
  assert.match(describeRequest(request)[0] ?? '', /NEW repository/)
  const server = signersById([...named.values()].filter((signer) => ![anna, ben, cleo].includes(signer)))

  const one = await signAll(request, [anna])
  assert.throws(() => finishCeremony(request, one, START), refusedWith('threshold-not-met'))
  const { root, signed } = finishCeremony(request, await signAll(request, [anna, cleo]), START)
  assert.ok(root)
  const files = new Map([['root', root], ...signed.map(({ role, bytes }) => [role, bytes] as const)])
  assert.deepEqual([...files.keys()], ['root', 'targets', 'sealed-3f', 'bins'])
  const effects = { snapshot: 1, now: START, signers: server }
  const plan = await createRepository(sampleTable(), keys, { ...effects, signed: files })
  assert.equal(plan.files.length, 1 + 1 + 4 + 16 + 2)

  const early = createRepository(sampleTable(), keys, { ...effects, signed: new Map([['root', root]]) })
  await assert.rejects(early, refusedWith('missing-role', 'its keys are not here'))
})

void test('a holder loses a key: the other two replace it, and everything goes on with the new one', async () => {
  const sample = await SampleRepository.create()
  const dora = newSigner()
  const lost = sample.signer('cleo').key.keyid
  const request = await draft(sample, { replaceKeys: new Map([[lost, dora.key]]) })
  // What anna, ben and cleo signed before stands under anna, ben and dora, except for what names the keys.
  assert.deepEqual(
    request.documents.map(({ role }) => role),
    ['root', 'targets'],
  )
  const words = describeRequest(request).join('\n')
  assert.match(words, new RegExp(`root: the key ${dora.key.keyid} .*COMES`))
  assert.match(words, new RegExp(`root: the key ${lost} GOES`))
  assert.match(words, new RegExp(`sealed-3f: the key ${lost} GOES`))
  const collected = await signAll(request, [sample.signer('anna'), sample.signer('ben')])
  await sample.publish(finishCeremony(request, collected, START))
  const { root } = sample.verify()
  assert.equal(root.signed.version, 2)
  assert.ok(!root.signed.keys.has(lost))

  const next = await draft(sample, { renew: ['root', 'targets', 'sealed-3f', 'bins'] })
  await sample.publish(finishCeremony(next, await signAll(next, [dora, sample.signer('anna')]), START))
  assert.equal(sample.verify().root.signed.version, 3)
  await assert.rejects(signRequest(next, sample.signer('cleo')), refusedWith('ceremony-invalid', 'may sign nothing'))
})

void test('a root needs the thresholds of the old keys and of the new ones, each on their own (KC-7)', async () => {
  const sample = await SampleRepository.create()
  const fresh = [newSigner(), newSigner(), newSigner()] as const
  const keySet = { keys: fresh.map(({ key }) => key), threshold: 2 }
  const request = await draft(sample, { keySets: new Map([['root', keySet]]) })
  const [anna, ben] = [sample.signer('anna'), sample.signer('ben')]
  for (const signers of [
    [anna, ben],
    [fresh[0], fresh[1]],
    [anna, fresh[0], fresh[1]],
    [anna, ben, fresh[0]],
  ]) {
    const collected = await signAll(request, signers)
    assert.throws(() => finishCeremony(request, collected, START), refusedWith('threshold-not-met'))
    const open = ceremonyProgress(request, collected).filter(({ signed, threshold }) => signed.length < threshold)
    assert.ok(open.length > 0)
  }
  await sample.publish(finishCeremony(request, await signAll(request, [anna, ben, fresh[2], fresh[0]]), START))
  sample.verify()
})

void test('a key that signs for the server is not made a holder of root without a warning', async () => {
  const sample = await SampleRepository.create()
  const serversRoles = new Set(['snapshot', 'timestamp', 'deny', 'bin'])
  const warnings = async (role: string, name: (typeof KEY_NAMES)[number]): Promise<readonly string[]> => {
    const keySet = { keys: [sample.signer(name).key], threshold: 1 }
    const request = await draft(sample, { keySets: new Map([[role, keySet]]) })
    return describeRequest(request, serversRoles).filter((line) => line.startsWith('WARNING'))
  }
  for (const [name, role] of [
    ['timestamp', 'timestamp'],
    ['deny', 'deny'],
    ['bins', 'bin'],
  ] as const) {
    const [words = '', ...more] = await warnings('root', name)
    assert.deepEqual(more, [])
    assert.ok(
      words.includes(`the key ${sample.signer(name).key.keyid} shall sign root, and LIES ON THE SERVER for ${role}:`),
    )
  }
  assert.equal((await warnings('bin', 'anna')).length, 1)
  assert.equal((await warnings('timestamp', 'ben')).length, 1)
  assert.deepEqual(await warnings('root', 'anna'), [])
  assert.deepEqual(await warnings('bin', 'deny'), [])
})

void test('signatures that are foreign, made twice, wrong, or made for another request are not taken', async () => {
  const sample = await SampleRepository.create()
  const request = await draft(sample, { renew: ['root', 'targets'] })
  const other = await draft(sample, { renew: ['targets'] })
  const anna = await signRequest(request, sample.signer('anna'))
  const collected = importSignatures(request, [], anna)
  const refused = (bytes: Uint8Array, words: string, before = collected): void => {
    assert.throws(() => importSignatures(request, before, bytes), refusedWith('ceremony-invalid', words))
  }
  assert.deepEqual(importSignatures(request, collected, anna), collected, 'what is in already adds nothing')
  refused(await signRequest(other, sample.signer('ben')), 'another request')
  const text = Buffer.from(await signRequest(request, sample.signer('ben'))).toString()
  const sig = /"sig":"([\da-f]+)"/.exec(text)?.[1] ?? ''
  refused(
    Buffer.from(
      text.replace(
        sig,
        sig.replace(/^../, (two) => (two === '00' ? '01' : '00')),
      ),
    ),
    'is wrong',
  )
  refused(Buffer.from(text.replaceAll(sample.signer('ben').key.keyid, newSigner().key.keyid)), 'may not sign')
  refused(Buffer.from(text.replaceAll(sample.signer('ben').key.keyid, sample.signer('anna').key.keyid)), 'is wrong', [])
  assert.deepEqual(
    collected.map(({ role }) => role),
    ['root', 'targets'],
  )
  await assert.rejects(signRequest(request, newSigner()), refusedWith('ceremony-invalid'))
})

void test('whoever signs is told of every path, key, threshold and order that changes', async () => {
  const sample = await SampleRepository.create()
  const mallory = newSigner()
  const request = await draft(sample, {
    keySets: new Map([['claimed-3f', { keys: [mallory.key], threshold: 1 }]]),
    delegations: [
      { delegator: 'targets', name: 'deny', delegation: undefined },
      {
        delegator: 'targets',
        name: 'sealed-3f',
        delegation: { keys: [mallory.key], threshold: 1, paths: ['names/*/*'], terminating: true },
      },
      {
        delegator: 'targets',
        name: 'extra',
        delegation: { keys: [mallory.key], threshold: 1, paths: ['simple/*/*'], terminating: true },
      },
    ],
    targets: [{ role: 'targets', path: 'policy/default.json', target: target('open') }],
  })
  const words = describeRequest(request).join('\n')
  for (const line of [
    // As many as before: one went, and who came stands last, below those that were there.
    /The order of its roles is now: .*, extra\./,
    /It delegates to deny NO MORE/,
    /It MOVES what sealed-3f covers: names\/\*\/\*, and nobody after it, before names\/3f\/\*, .*and others after it/,
    /sealed-3f: 1 of 1 keys have to sign, before 2 of 3/,
    new RegExp(`claimed-3f: the key ${mallory.key.keyid} .*COMES`),
    /It delegates to extra: simple\/\*\/\*/,
    /It lists policy\/default.json: 4 bytes/,
    /targets goes from version 1 to 2/,
    /2 of these keys \(targets\)/,
  ]) {
    assert.match(words, line)
  }
})

void test('a request cannot be made to say less than it does', async () => {
  const sample = await SampleRepository.create()
  const request = await draft(sample, { renew: ['root', 'targets'] })
  const document = (value: Map<string, Encodable>, at: number): Map<string, Encodable> =>
    (value.get('documents') as Map<string, Encodable>[])[at] ?? new Map()
  const replace = (at: number, from: string | RegExp, to: string): Uint8Array =>
    tampered(request, (value) => {
      const one = document(value, at)
      const text = one.get('signed') as string
      assert.notEqual(text.replace(from, to), text)
      one.set('signed', text.replace(from, to))
    })
  const cases: [string, Uint8Array][] = [
    ['a version that skips one', replace(0, '"version":2', '"version":3')],
    ['a version that falls', replace(1, '"version":2', '"version":1')],
    ['a part that is shown to nobody', replace(1, '"_type"', '"x-more":1,"_type"')],
    ['a part of a delegation that is shown to nobody', replace(1, '"terminating"', '"x-more":1,"terminating"')],
    ['a part of a key that is shown to nobody', replace(0, '"keytype"', '"x-more":1,"keytype"')],
    ['a part of a role that is shown to nobody', replace(0, '"threshold"', '"x-more":1,"threshold"')],
    ['a role that is shown to nobody', replace(0, '"roles":{', '"roles":{"mirrors":{"keyids":[],"threshold":1},')],
    [
      'the id of no key, which may say anything on a terminal',
      replace(0, /"keyids":\["/, String.raw`"keyids":["\u001b[2K\rroot: nothing changes","`),
    ],
    ['without what was before', tampered(request, (value) => value.set('current', []))],
    [
      'a document twice',
      tampered(request, (value) => value.set('documents', [document(value, 0), document(value, 0)])),
    ],
    ['no documents', tampered(request, (value) => value.set('documents', []))],
    [
      'a key that cannot count',
      replace(0, '"keys":{', `"keys":{"${'0'.repeat(64)}":{"keytype":"x","scheme":"x","keyval":{"public":""}},`),
    ],
  ]
  for (const [what, bytes] of cases) {
    assert.throws(() => readRequest(bytes), refusedWith('ceremony-invalid'), what)
  }
  const forged = tampered(request, (value) => {
    const [before] = value.get('current') as Map<string, Encodable>[]
    before?.set('file', (before.get('file') as string).replace('"terminating":true', '"terminating":false'))
  })
  assert.throws(() => readRequest(forged), refusedWith('threshold-not-met', 'The current targets'))
  const escape = replace(1, '"name":"deny"', String.raw`"name":"de\u001b[2Jny"`)
  assert.throws(() => readRequest(escape), refusedWith('metadata-invalid'))
  assert.deepEqual(describeRequest(readRequest(request.bytes)), describeRequest(request))
})

void test('a key that would leave too few for its threshold cannot go without another in its place', async () => {
  const sample = await SampleRepository.create()
  const [anna, ben] = [sample.signer('anna').key.keyid, sample.signer('ben').key.keyid]
  const both = new Map([
    [anna, undefined],
    [ben, undefined],
  ])
  await assert.rejects(draft(sample, { replaceKeys: both }), refusedWith('metadata-invalid', 'would need 2 of 1 keys'))
  await assert.rejects(
    draft(sample, { replaceKeys: new Map([['nobody', undefined]]) }),
    refusedWith('ceremony-invalid'),
  )
  await assert.rejects(draft(sample, {}), refusedWith('ceremony-invalid', 'nothing would change'))
})

void test('what took longer than its documents hold is not finished', async () => {
  const sample = await SampleRepository.create()
  const request = await draft(sample, { renew: ['root'] })
  const collected = await signAll(request, [sample.signer('anna'), sample.signer('ben')])
  assert.throws(() => finishCeremony(request, collected, START + 366 * DAY), refusedWith('expired'))
})
