import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeDefaultPolicy } from './default-policy.ts'
import type { NameRecord } from './name-record.ts'
import { writeNameRecord } from './name-record.ts'
import { writeNamespaceList } from './namespaces.ts'
import { describeNameTarget } from './seal-words.ts'
import { DEFAULT_TARGET, NAMESPACES_TARGET, recordTarget } from './signed-paths.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const RECORD: NameRecord = {
  name: 'acme-app',
  rev: 2,
  prev: A,
  authority: 'internal',
  sources: ['local'],
  files: new Map([['acme_app-1.0.tar.gz', A]]),
  closed: true,
  lifts: [],
  since: '2026-11-24T12:00:00Z',
  by: 'operator',
}

function told(
  path: string,
  after: Buffer | undefined,
  before?: Buffer,
  isNew = before === undefined,
): readonly string[] {
  return describeNameTarget({ path, after, before, isNew }) ?? []
}

const record = (changes: Partial<NameRecord> = {}): Buffer => writeNameRecord({ ...RECORD, ...changes })
const words = (after: Partial<NameRecord>, before: Partial<NameRecord> = {}): readonly string[] =>
  told(recordTarget('acme-app'), record({ rev: 3, ...after }), record(before))

test('a first seal tells all of it', () => {
  assert.deepEqual(told(recordTarget('acme-app'), record({ lifts: [7], by: 'ada\u202e', reason: 'so "it" is' })), [
    'acme-app: CLAIMED becomes SEALED; internal; 1 file frozen, and no other is offered.',
    'acme-app: OPENS: lift of denial 7.',
    `NEW FILE acme_app-1.0.tar.gz, sha256 ${A}`,
    'Decision 2 about it, by "ada\u202e" at 2026-11-24T12:00:00Z: "so \\"it\\" is".',
  ])
})

test('of what is not frozen it says whose word stands behind where it comes from', () => {
  const lie = 'acme-app: of files that are not frozen, the server says which come from pypi.'
  const upstream = { authority: 'upstream', sources: ['pypi'], closed: false } as const
  assert.ok(told(recordTarget('acme-app'), record(upstream)).includes(lie))
  assert.ok(!told(recordTarget('acme-app'), record({ ...upstream, closed: true })).includes(lie))
  const merge = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' } as const
  const merged = { authority: 'merged', sources: ['local', 'pypi'], closed: false, files: undefined, merge } as const
  assert.match(
    told(recordTarget('acme-app'), record(merged)).join('\n'),
    /the server says which come from local, pypi\./,
  )
  assert.doesNotMatch(told(recordTarget('acme-app'), record({ closed: false })).join('\n'), /the server says/)
})

test('what opens says so', () => {
  const opens: readonly (readonly [Partial<NameRecord>, RegExp])[] = [
    [{ lifts: [7] }, /OPENS: lift of denial 7/],
    [{ closed: false }, /OPENS: files may be offered that are not frozen/],
    [
      { files: new Map([['acme_app-1.0.tar.gz', B]]) },
      new RegExp(`OPENS: acme_app-1.0.tar.gz has the sha256 ${B}, before ${A}`),
    ],
    [
      { authority: 'upstream', sources: ['pypi'] },
      /OPENS: internal before, upstream now[^]*OPENS: files may come from pypi[^]*NO MORE files from local/,
    ],
  ]
  for (const [change, wanted] of opens) assert.match(words(change).join('\n'), wanted)
  assert.doesNotMatch(words({}).join('\n'), /OPENS|NEW|NO MORE/)
  assert.match(told(recordTarget('acme-app'), undefined, record()).join('\n'), /OPENS: it is SEALED NO MORE/)
  assert.match(
    words({ files: new Map([['x "; y.whl', A]]) }).join('\n'),
    /NEW FILE "x \\"; y\.whl"[^]*acme_app-1\.0\.tar\.gz is frozen NO MORE/,
  )
})

test('what cannot be told, or no guard would take, is a warning', () => {
  assert.match(words({ rev: 2 }).join('\n'), /^WARNING: its revision is 2/)
  const hidden = told(recordTarget('acme-app'), record(), undefined, false).join('\n')
  assert.match(hidden, /^WARNING: it takes the place of another that is not in this request/)
  assert.doesNotMatch(hidden, /CLAIMED becomes/)
  assert.match(told(recordTarget('acme-app'), Buffer.from('{"name":"acme-app"}')).join('\n'), /^WARNING: .*Do not sign/)
  assert.equal(
    describeNameTarget({ path: 'names/00/acme-app.json', after: record(), before: undefined, isNew: true }),
    undefined,
  )
})

test('namespaces: granted, changed, granted no more', () => {
  const acme = {
    name: 'acme',
    owner: 'core team',
    visibility: 'private',
    claims: 'offline',
    since: RECORD.since,
  } as const
  const before = writeNamespaceList({ rev: 1, namespaces: [acme, { ...acme, name: 'old' }] })
  const after = writeNamespaceList({
    rev: 2,
    namespaces: [
      { ...acme, claims: 'online' },
      { ...acme, name: 'new' },
    ],
  })
  assert.deepEqual(told(NAMESPACES_TARGET, after, before), [
    'OPENS: namespace old is granted NO MORE: others may answer for names under it',
    'namespace acme OPENS: it is granted to "core team", private, names under it need NO seal; before, it was granted to "core team", private, names under it need a seal',
    'namespace new is granted to "core team", private, names under it need a seal',
    '2 namespaces in all.',
  ])
})

test('the default: what is laxer opens, what is stricter changes', () => {
  const strict = {
    rev: 1,
    unclaimed: [{ pattern: 'internal-*', mode: 'deny' }],
    cooldown: 259_200,
    approvals: 2,
  } as const
  const lax = { rev: 2, unclaimed: [], cooldown: 0, approvals: 1 } as const
  const opened = told(DEFAULT_TARGET, writeDefaultPolicy(lax), writeDefaultPolicy(strict))
  assert.equal(opened.filter((line) => line.startsWith('OPENS: ')).length, 3, opened.join('\n'))
  const closed = told(DEFAULT_TARGET, writeDefaultPolicy({ ...strict, rev: 3 }), writeDefaultPolicy(lax))
  assert.equal(closed.filter((line) => line.startsWith('CHANGES: ')).length, 3, closed.join('\n'))
  const overtaken = { ...strict, rev: 2, unclaimed: [{ pattern: '*', mode: 'open' }, ...strict.unclaimed] } as const
  assert.match(told(DEFAULT_TARGET, writeDefaultPolicy(overtaken), writeDefaultPolicy(strict))[0] ?? '', /^OPENS/)
})
