import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wireJson } from '../canonical-json.ts'
import type { Encodable } from '../canonical-json.ts'
import type { JsonObject } from '../json.ts'
import { MAX_TARGET_CONTENT } from '../limits.ts'
import { parseJson } from '../parse-json.ts'
import { refusedWith } from '../repository/testing/refused-with.ts'
import { SampleRepository, START, target } from '../repository/testing/sample-repository.ts'
import type { CeremonyRequest } from './ceremony-request.ts'
import { readRequest } from './ceremony-request.ts'
import { signRequest, importSignatures } from './ceremony-signatures.ts'
import type { DescribeTarget } from './describe-request.ts'
import { describeRequest } from './describe-request.ts'
import { draftCeremony } from './draft-ceremony.ts'
import { finishCeremony } from './finish-ceremony.ts'

const SERVERS_ROLES = new Set(['snapshot', 'timestamp'])
const PATH = 'names/3f/acme.json'
const OPEN = '{"closed":false,"name":"acme"}'
const CLOSED = '{"closed":true,"name":"acme"}'

/** A request of records at these paths, with what stands in them and in others that are given. */
function seal(
  sample: SampleRepository,
  records: Readonly<Record<string, string | undefined>>,
  contents: readonly (string | Uint8Array)[] = Object.values(records).flatMap((text) => text ?? []),
): Promise<CeremonyRequest> {
  const targets = Object.entries(records).map(([path, text]) => {
    return { role: 'sealed-3f', path, target: text === undefined ? undefined : target(text) }
  })
  const changes = { targets, contents: contents.map((text) => Buffer.from(text)) }
  return draftCeremony(sample.state, changes, { now: START, load: sample.load })
}

async function publish(sample: SampleRepository, request: CeremonyRequest): Promise<void> {
  let collected = importSignatures(request, [], await signRequest(request, sample.signer('anna')))
  collected = importSignatures(request, collected, await signRequest(request, sample.signer('ben')))
  await sample.publish(finishCeremony(request, collected, START))
}

const asText: DescribeTarget = ({ path, after, before }) => {
  return [`${path} holds ${String(after)}`, `${path} held ${String(before)}`]
}

function words(request: CeremonyRequest, describe?: DescribeTarget): readonly string[] {
  // As a holder does, who has the file and nothing else.
  return describeRequest(readRequest(request.bytes), SERVERS_ROLES, describe)
}

function changed(request: CeremonyRequest, change: (value: Map<string, Encodable>) => void): Uint8Array {
  const value = new Map<string, Encodable>(parseJson(request.bytes).value as JsonObject)
  change(value)
  return Buffer.from(wireJson(value))
}

void test('holders are shown what stands in a target that is new, in one that it replaces, and in one that goes', async () => {
  const sample = await SampleRepository.create()
  const first = await seal(sample, { [PATH]: OPEN })
  assert.ok(words(first, asText).includes(`    ${PATH} holds ${OPEN}`))
  assert.ok(words(first, asText).includes(`    ${PATH} held undefined`))
  await publish(sample, first)

  const second = await seal(sample, { [PATH]: CLOSED }, [CLOSED, OPEN])
  const said = words(second, asText)
  const at = said.findIndex((line) => line.startsWith(`  It CHANGES ${PATH}: ${CLOSED.length} bytes, "sha256"`))
  assert.deepEqual(said.slice(at + 1, at + 3), [`    ${PATH} holds ${CLOSED}`, `    ${PATH} held ${OPEN}`])
  const newAlone = words(await seal(sample, { [PATH]: CLOSED }), asText)
  assert.ok(newAlone.some((line) => line.startsWith(`  It CHANGES ${PATH}`)))
  assert.ok(newAlone.includes(`    ${PATH} held undefined`))

  const gone = words(await seal(sample, { [PATH]: undefined }, [OPEN]), asText)
  assert.ok(gone.includes(`  It lists ${PATH} NO MORE.`))
  assert.ok(gone.includes(`    ${PATH} holds undefined`) && gone.includes(`    ${PATH} held ${OPEN}`))
})

void test('what nobody knows words for is shown as before, and what is not in the request is told to be missing', async () => {
  const sample = await SampleRepository.create()
  const request = await seal(sample, { [PATH]: OPEN })
  const plain = words(request)
  assert.ok(plain.some((line) => line.startsWith(`  It lists ${PATH}: ${OPEN.length} bytes, "sha256"`)))
  for (const none of [() => undefined, () => []]) assert.deepEqual(words(request, none), plain)

  const bare = words(await seal(sample, { [PATH]: OPEN }, []), asText)
  const at = bare.findIndex((line) => line.startsWith(`  It lists ${PATH}:`))
  assert.equal(bare[at + 1], '    What stands in it is not in this request.')
  assert.deepEqual(bare.toSpliced(at + 1, 1), plain)
})

void test('a thousand records are a thousand to read, whatever they have in common', async () => {
  const sample = await SampleRepository.create()
  const records = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [`names/3f/acme-${at}.json`, at < 500 ? CLOSED : `{"n":${at}}`]),
  )
  const said = words(await seal(sample, records), asText)
  for (const [path, text] of Object.entries(records)) {
    assert.ok(said.includes(`    ${path} holds ${text}`), path)
    assert.ok(
      said.some((line) => line.startsWith(`  It lists ${path}: ${text.length} bytes`)),
      path,
    )
  }
})

void test('what stands in a target gives a terminal no commands and looks like no other line', async () => {
  const sample = await SampleRepository.create()
  const request = await seal(sample, { [PATH]: OPEN })
  const said = words(request, () => ['\u001B[2Kclosed\nroot is new\u202Eon', 'a\u2028b\u0085c\u{E0001}'])
  assert.ok(said.includes(String.raw`    \u{1b}[2Kclosed\u{a}root is new\u{202e}on`))
  assert.ok(said.includes(String.raw`    a\u{2028}b\u{85}c\u{e0001}`))
  assert.doesNotMatch(said.join(''), /\p{C}/u)
})

void test('a request has no content but that of targets which it lists, or listed before', async () => {
  const sample = await SampleRepository.create()
  const request = await seal(sample, { [PATH]: OPEN })
  const refused = (what: string, bytes: Uint8Array, reason: string): void => {
    assert.throws(() => readRequest(bytes), refusedWith('ceremony-invalid', reason), what)
  }
  const none = 'is that of no target that it lists'
  const contents = (...texts: readonly Encodable[]) => changed(request, (value) => value.set('contents', texts))
  refused('changed on the way', contents(OPEN.replace('false', 'true ')), none)
  refused('of a target that nobody lists', contents(OPEN, CLOSED), none)
  refused('twice', contents(OPEN, OPEN), 'twice')
  refused('no text', contents(OPEN, 7), 'no text')
  refused('too long', contents(OPEN, 'x'.repeat(MAX_TARGET_CONTENT + 1)), 'more than')
  await assert.rejects(seal(sample, { [PATH]: OPEN }, [CLOSED]), refusedWith('ceremony-invalid', none))
  await assert.rejects(
    seal(sample, { [PATH]: OPEN }, [Uint8Array.of(0xff, 0xfe)]),
    refusedWith('ceremony-invalid', none),
  )
  const targets = [{ role: 'sealed-3f', path: PATH, target: { ...target(OPEN), length: 7 } }]
  const lying = draftCeremony(
    sample.state,
    { targets, contents: [Buffer.from(OPEN)] },
    { now: START, load: sample.load },
  )
  await assert.rejects(lying, refusedWith('ceremony-invalid', none))
})

void test('programs that would not show what stands in targets refuse a request that has it, by its format', async () => {
  const sample = await SampleRepository.create()
  const formatOf = (request: CeremonyRequest) => (parseJson(request.bytes).value as JsonObject).get('format')
  const request = await seal(sample, { [PATH]: OPEN })
  assert.equal(formatOf(request), 'waxseal-ceremony-2')
  const bare = await seal(sample, { [PATH]: OPEN }, [])
  assert.equal(formatOf(bare), 'waxseal-ceremony-1')
  const relabelled = changed(request, (value) => value.set('format', 'waxseal-ceremony-1'))
  assert.throws(() => readRequest(relabelled), refusedWith('ceremony-invalid', 'format'))
  const emptied = changed(bare, (value) => value.set('format', 'waxseal-ceremony-2'))
  assert.throws(() => readRequest(emptied), refusedWith('ceremony-invalid', 'format'))
})
