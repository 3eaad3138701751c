import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrustError } from '../error.ts'
import { layoutOf } from './role-layout.ts'
import type { NamedRow, RoleTable } from './role-table.ts'
import { sampleTable } from './testing/sample-repository.ts'

const table = sampleTable()
const [deny] = table.named

function withRow(change: Partial<NamedRow>): RoleTable {
  return { ...table, named: [...table.named, { ...(deny as NamedRow), name: 'extra', ...change }] }
}

void test('the sample table is one', () => {
  assert.equal(layoutOf(table).named.size, 4)
  assert.equal(layoutOf(withRow({})).named.size, 5)
})

const refused: [string, RoleTable][] = [
  ['a name like a number (tuf.md C)', withRow({ name: '12' })],
  ['an upper-case name', withRow({ name: 'Extra' })],
  ['a name that is a path (DEL-5)', withRow({ name: 'a/b' })],
  ['a name that acts (ARB-5)', withRow({ name: '__proto__' })],
  ['a name that is taken', withRow({ name: 'snapshot' })],
  ['a name that stands twice', withRow({ name: 'deny' })],
  ['a name like a bin', withRow({ name: 'bin-3' })],
  ['no paths', withRow({ paths: [] })],
  ['a pattern that only some clients understand (DEL-2)', withRow({ paths: ['{a,b}/*'] })],
  ['a star inside a segment', withRow({ paths: ['foo*'] })],
  ['a star for many segments', withRow({ paths: ['a/**'] })],
  ['a way up', withRow({ paths: ['a/../b'] })],
  ['a delegator that is not there', withRow({ delegator: 'nobody' })],
  ['paths its delegator was not given (DEL-4)', withRow({ delegator: 'deny', paths: ['names/*'] })],
  ['a role beside bins (TAP 15)', withRow({ delegator: 'bins', paths: ['simple/*/*'] })],
  ['a threshold that its keys cannot meet', withRow({ threshold: 2 })],
  ['a key that stands twice', withRow({ keys: ['deny', 'deny'], threshold: 2 })],
  ['a renewal after the end', withRow({ renewAfter: 91 * 86_400_000 })],
  ['part of a second', withRow({ life: 90 * 86_400_000 + 1 })],
  [
    'too many bins',
    { ...table, succinct: table.succinct.map((row) => ({ ...row, bins: { bitLength: 21, namePrefix: 'bin' } })) },
  ],
]

for (const [what, wrong] of refused) {
  void test(`a table is refused for ${what}`, () => {
    assert.throws(
      () => layoutOf(wrong),
      (error) => error instanceof TrustError && error.code === 'metadata-invalid',
    )
  })
}
