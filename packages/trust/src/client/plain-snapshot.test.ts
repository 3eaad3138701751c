import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { assert as check, constantFrom, dictionary, integer, property } from 'fast-check'
import { wireJson } from '../canonical-json.ts'
import type { Encodable } from '../canonical-json.ts'
import { readMetadata } from '../read-metadata.ts'
import { readPlainSnapshot, readSnapshotChanges } from './plain-snapshot.ts'

function snapshot(meta: ReadonlyMap<string, number> | Encodable, changes: Record<string, Encodable> = {}): Buffer {
  const versions =
    meta instanceof Map
      ? new Map([...(meta as ReadonlyMap<string, number>)].map(([role, version]) => [`${role}.json`, { version }]))
      : meta
  const signed = {
    _type: 'snapshot',
    spec_version: '1.0.34',
    version: 1,
    expires: '2030-01-01T00:00:00Z',
    meta: versions,
    ...changes,
  }
  return Buffer.from(wireJson({ signatures: [{ keyid: 'a', sig: '00' }], signed }))
}

function plain(bytes: Uint8Array) {
  const found = readPlainSnapshot(bytes)
  assert.ok(found !== undefined)
  const { document: _, ...whole } = readMetadata('snapshot', bytes)
  assert.deepEqual(
    { ...found, signedBytes: Buffer.from(found.signedBytes) },
    { ...whole, signedBytes: Buffer.from(whole.signedBytes) },
  )
  return { bytes, meta: found.signed.meta }
}

const names = Array.from({ length: 40 }, (_, number) => `bin-${number.toString(16)}`)
const metas = dictionary(constantFrom('a', 'p.six', 'targets', ...names), integer({ min: 1, max: 1200 })).map(
  (members) => new Map(Object.entries(members)),
)

void suite('A snapshot read by what it changes', () => {
  void test('says the same as one that is read whole', () => {
    check(
      property(metas, metas, integer({ min: 1, max: 9 }), (before, after, version) => {
        const bytes = snapshot(after, { version })
        const whole = readMetadata('snapshot', bytes)
        const changes = readSnapshotChanges(plain(snapshot(before)), bytes)
        assert.ok(changes !== undefined)
        const result = new Map(before)
        for (const role of changes.removed) result.delete(role)
        for (const [role, meta] of changes.changed) {
          assert.notEqual(before.get(role), meta.version)
          result.set(role, meta.version)
        }
        assert.deepEqual(result, after)
        assert.equal(changes.signed.version, version)
        assert.deepEqual(changes.signatures, whole.signatures)
        assert.deepEqual(Buffer.from(changes.signedBytes), Buffer.from(whole.signedBytes))
      }),
      { numRuns: 500 },
    )
  })

  void test('is not mistaken in which list is the one: another of that name, before it or in a signature, is left to the strict reader', () => {
    const other = { meta: { 'targets.json': { version: 7 } }, spec_version: 0 }
    const within = snapshot(new Map(), { aaa: other, more: 1 })
    assert.equal(readMetadata('snapshot', within).signed.meta.size, 0)
    assert.equal(readPlainSnapshot(within), undefined)
    assert.equal(readSnapshotChanges(plain(snapshot(new Map())), within), undefined)
    const signature = Buffer.from(
      snapshot(new Map())
        .toString()
        .replace('"sig":"00"', `"sig":"00","x":${JSON.stringify(other)}`),
    )
    assert.equal(readMetadata('snapshot', signature).signed.meta.size, 0)
    assert.equal(readPlainSnapshot(signature), undefined)
  })

  void test('in a list of thousands, changes anywhere are found, also where they move all that follows', () => {
    const before = new Map(
      Array.from({ length: 5000 }, (_, number) => [`bin-${number.toString(16).padStart(4, '0')}`, 9]),
    )
    for (const role of ['bin-0000', 'bin-0001', 'bin-09c4', 'bin-1386', 'bin-1387']) {
      const after = new Map(before).set(role, 10).set('bin-0777', 1000).set('bin-0778x', 1)
      const changes = readSnapshotChanges(plain(snapshot(before)), snapshot(after))
      assert.deepEqual(
        [...(changes?.changed ?? [])].map(([name, meta]) => [name, meta.version]),
        [
          [role, 10],
          ['bin-0777', 1000],
          ['bin-0778x', 1],
        ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      )
      assert.deepEqual(changes?.removed, [])
    }
  })

  const before = snapshot(
    new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]),
  )
  const text = before.toString()
  const B = '"b.json":{"version":2}'
  const tampered: Record<string, string> = {
    'an entry twice': text.replace(B, `${B},"b.json":{"version":9}`),
    'an entry twice, apart': text.replace(B, `${B},"bb.json":{"version":1},"a.json":{"version":9}`),
    'an entry out of order': text.replace(B, `"d.json":{"version":1},${B}`),
    'two entries exchanged': text.replace(`"a.json":{"version":1},${B}`, `${B},"a.json":{"version":1}`),
    'white space': text.replace(B, `"b.json": {"version":2}`),
    'a leading zero': text.replace(B, '"b.json":{"version":02}'),
    'a fraction': text.replace(B, '"b.json":{"version":2.5}'),
    'a version that JavaScript cannot tell': text.replace(B, '"b.json":{"version":9007199254740993}'),
    'version 0': text.replace(B, '"b.json":{"version":0}'),
    'a member more': text.replace(B, '"b.json":{"length":1,"version":3}'),
    'an escaped name': text.replace(B, String.raw`"\u0062.json":{"version":3}`),
    'a name that is too long': text.replace('b.json', `${'b'.repeat(81)}.json`),
    'a trailing comma': text.replace('{"version":3}}', '{"version":3},}'),
    'a comma less': text.replace(`${B},`, B),
    'no entry between commas': text.replace(B, ''),
    'a second meta before': text.replace('"meta":{', '"a-meta":{"meta":{"x.json":{"version":1}}},"meta":{'),
    'the list in another member': text.replace(
      '"signatures":[',
      '"aa":{"meta":{"x.json":{"version":1}}},"signatures":[',
    ),
  }
  for (const [what, changed] of Object.entries(tampered)) {
    void test(`${what}: left to the strict reader`, () => {
      assert.notEqual(changed, text)
      let changes: unknown
      try {
        changes = readSnapshotChanges(plain(before), Buffer.from(changed))
      } catch {
        // Refused already.
      }
      assert.equal(changes, undefined)
      let whole: ReturnType<typeof readPlainSnapshot>
      try {
        whole = readPlainSnapshot(Buffer.from(changed))
      } catch {
        return
      }
      assert.equal(whole, undefined)
    })
  }

  void test('a snapshot that lists more than versions is not of the plain form', () => {
    for (const meta of [
      { 'a.json': { version: 1, length: 2 } },
      { 'a.json': { version: 1, 'x-more': 1 } },
      { 'ä.json': { version: 1 } },
      { 'a b.json': { version: 1 } },
    ] satisfies Encodable[]) {
      assert.equal(readPlainSnapshot(snapshot(meta)), undefined)
    }
    const spaced = Buffer.from(text.replace(B, `"b.json": {"version":2}`))
    assert.equal(readPlainSnapshot(spaced), undefined)
    const turned = Buffer.from(tampered['two entries exchanged'] ?? '')
    assert.equal(readPlainSnapshot(turned), undefined)
  })
})
