import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDefaultPolicy, writeDefaultPolicy } from './default-policy.ts'
import type { SignedDefault } from './default-policy.ts'
import { readDenyList, writeDenyList } from './denials.ts'
import type { Denial } from './denials.ts'
import { readNameRecord, writeNameRecord } from './name-record.ts'
import type { NameRecord } from './name-record.ts'
import { readNamespaceList, writeNamespaceList } from './namespaces.ts'
import type { NamespaceList } from './namespaces.ts'

const since = '2026-03-01T12:00:00.000Z'
const SHA = 'a'.repeat(64)

const RECORD: NameRecord = {
  name: 'acme-app',
  rev: 3,
  prev: SHA,
  authority: 'merged',
  sources: ['local', 'pypi'],
  merge: { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' },
  files: new Map([['acme_app-1.0-py3-none-any.whl', SHA]]),
  closed: false,
  lifts: [2, 7],
  since,
  by: 'ada',
  reason: 'wheels for arm',
}

const NAMESPACES: NamespaceList = {
  rev: 2,
  namespaces: [
    { name: 'acme', owner: 'core', visibility: 'private', claims: 'offline', since },
    { name: 'corp', owner: 'operator', visibility: 'public', claims: 'online', since },
  ],
}

const POLICY: SignedDefault = {
  rev: 1,
  unclaimed: [
    { pattern: 'torch', mode: 'deny' },
    { pattern: 'internal-*', mode: 'approve' },
    { pattern: '*', mode: 'open' },
  ],
  cooldown: 259_200,
  approvals: 2,
}

const DENIALS: readonly Denial[] = [
  { n: 1, project: 'six', overlay: 'blocked', reason: 'stolen', since },
  { n: 4, project: 'six', version: '1.0', overlay: 'quarantined', reason: 'being looked at', since, until: since },
  { n: 5, project: 'six', sha256: SHA, overlay: 'blocked', reason: 'malware', since },
]

/** The document with one member set; undefined takes it away. */
function changed(bytes: Uint8Array, member: string, value: unknown): Uint8Array {
  const document = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
  return Buffer.from(JSON.stringify({ ...document, [member]: value }))
}

describe('documents about names', () => {
  it('are read as they were written, and written the same whatever order their parts have', () => {
    assert.deepEqual(readNameRecord('acme-app', writeNameRecord(RECORD)), RECORD)
    assert.deepEqual(readNamespaceList(writeNamespaceList(NAMESPACES)), NAMESPACES)
    assert.deepEqual(readDefaultPolicy(writeDefaultPolicy(POLICY)), POLICY)
    assert.deepEqual(readDenyList(writeDenyList(DENIALS)), DENIALS)
    assert.deepEqual(writeDenyList(DENIALS.toReversed()), writeDenyList(DENIALS))
    const reversed = { ...NAMESPACES, namespaces: NAMESPACES.namespaces.toReversed() }
    assert.deepEqual(writeNamespaceList(reversed), writeNamespaceList(NAMESPACES))
  })

  it('a record without what it need not say', () => {
    const { merge: _merge, files: _files, reason: _reason, ...plain } = RECORD
    const record: NameRecord = { ...plain, authority: 'upstream', sources: ['pypi'], prev: null, lifts: [] }
    assert.deepEqual(readNameRecord('acme-app', writeNameRecord(record)), record)
  })

  const record = writeNameRecord(RECORD)
  const refused: Readonly<Record<string, () => unknown>> = {
    'a record of another name': () => readNameRecord('other', record),
    'a record that says more': () => readNameRecord('acme-app', changed(record, 'virtual', {})),
    'an authority that is not known': () => readNameRecord('acme-app', changed(record, 'authority', 'virtual')),
    'a merge without its sources': () => readNameRecord('acme-app', changed(record, 'sources', ['local'])),
    'merged without a merge': () => readNameRecord('acme-app', changed(record, 'merge', undefined)),
    'a merge of what is not merged': () => readNameRecord('acme-app', changed(record, 'authority', 'upstream')),
    'an internal name with an upstream': () =>
      readNameRecord('acme-app', changed(changed(record, 'merge', undefined), 'authority', 'internal')),
    'a revision below one': () => readNameRecord('acme-app', changed(record, 'rev', 0)),
    'files that are no hashes': () => readNameRecord('acme-app', changed(record, 'files', { 'a.whl': 'abc' })),
    'a source twice': () => readNameRecord('acme-app', changed(record, 'sources', ['local', 'local'])),
    'a reason of two lines': () => readNameRecord('acme-app', changed(record, 'reason', 'one\ntwo')),
    'a namespace that is no name': () =>
      readNamespaceList(
        changed(writeNamespaceList(NAMESPACES), 'namespaces', [{ ...NAMESPACES.namespaces[0], name: '*' }]),
      ),
    'a namespace twice': () =>
      readNamespaceList(
        changed(writeNamespaceList(NAMESPACES), 'namespaces', [NAMESPACES.namespaces[0], NAMESPACES.namespaces[0]]),
      ),
    'a pattern that is none': () =>
      readDefaultPolicy(changed(writeDefaultPolicy(POLICY), 'unclaimed', [{ pattern: 'a*', mode: 'open' }])),
    'a mode that is none': () =>
      readDefaultPolicy(changed(writeDefaultPolicy(POLICY), 'unclaimed', [{ pattern: '*', mode: 'warn' }])),
    'a denial number twice': () => readDenyList(changed(writeDenyList(DENIALS), 'entries', [DENIALS[0], DENIALS[0]])),
    'a denial that says more': () =>
      readDenyList(changed(writeDenyList(DENIALS), 'entries', [{ ...DENIALS[0], unless: 'ada' }])),
    'what is no JSON': () => readDenyList(Buffer.from('entries')),
  }
  for (const [what, read] of Object.entries(refused)) {
    it(`refuses ${what}`, () =>
      assert.throws(read, {
        name: 'TrustError',
        code: what === 'what is no JSON' ? 'json-invalid' : 'metadata-invalid',
      }))
  }
})
