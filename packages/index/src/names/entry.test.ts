import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const ENTRY = join(import.meta.dirname, '../names.ts')
/** All that the shared rules may load (docs/decisions/0022-rules-about-names-are-shared.md). */
const ALLOWED = ['@waxseal/packaging', '@waxseal/trust/documents', 'node:crypto']

/** What a module loads, types aside. */
function importsOf(path: string): readonly string[] {
  return Array.from(
    readFileSync(path, 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*? from '([^']+)'/gm),
    ([, from = '']) => from,
  )
}

test('the rules that the guard shares load no database, no HTTP and no clock', () => {
  const seen = new Set<string>()
  const outside = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const from of importsOf(path)) {
      if (from.startsWith('.')) visit(join(dirname(path), from))
      else outside.add(from)
    }
  }
  visit(ENTRY)
  assert.ok(seen.size > 8, 'the entry was followed')
  assert.deepEqual([...outside].toSorted(), ALLOWED)
})
