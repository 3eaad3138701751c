import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../canonical-json.ts'
import type { RoleEntry } from './role-entries.ts'
import { RoleEntries } from './role-entries.ts'

function entry(role: string, version: number): RoleEntry {
  const file = version % 3 === 0 ? { length: version, sha256: 'ab'.repeat(32) } : undefined
  return { role, version, expires: version * 1000, file }
}

function metaOf({ version, file }: RoleEntry): { version: number; length?: number; hashes?: { sha256: string } } {
  return file === undefined ? { version } : { version, length: file.length, hashes: { sha256: file.sha256 } }
}

void test('whatever is put in, in whatever order: the text is the canonical JSON of it all, and each role is found', () => {
  const role = fc.stringMatching(/^[a-z][a-z0-9._-]{0,3}$/)
  const batches = fc.array(fc.array(fc.tuple(role, fc.integer({ min: 1, max: 99 })), { maxLength: 400 }), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(batches, (changes) => {
      const expected = new Map<string, RoleEntry>()
      let entries = RoleEntries.none
      for (const batch of changes) {
        const last = new Map(batch.map(([role, version]) => [role, entry(role, version)]))
        for (const [role, one] of last) expected.set(role, one)
        entries = entries.with(last.values())
      }
      const meta = new Map(Array.from(expected.values(), (one) => [`${one.role}.json`, metaOf(one)]))
      assert.equal(`{${entries.text}}`, canonicalJson(meta))
      assert.equal(entries.size, expected.size)
      for (const [role, one] of expected) assert.equal(entries.get(role), one)
      assert.equal(entries.get('Nobody'), undefined)
    }),
  )
})

void test('the one before stays as it was', () => {
  const before = RoleEntries.none.with(Array.from({ length: 1000 }, (_, at) => entry(`bin-${at}`, 1)))
  const after = before.with([entry('bin-500', 2)])
  assert.equal(before.get('bin-500')?.version, 1)
  assert.equal(after.get('bin-500')?.version, 2)
  assert.equal(after.size, 1000)
})
