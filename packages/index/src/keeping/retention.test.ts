import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { oldFiles } from './retention.ts'

/** Versions whose stored files go when `count` are kept. */
function old(count: number, versions: readonly string[], more: { readonly withdrawn?: readonly string[] } = {}) {
  const rows = versions.map((version, id) => ({
    id,
    version,
    size: 1,
    stored: 1,
    withdrawn_at: more.withdrawn?.includes(version) === true ? '2026-01-01T00:00:00.000Z' : null,
    url: 'https://files.example/x',
  }))
  return oldFiles(rows, count).map(({ version }) => version)
}

suite('retention of an upstream project', () => {
  test('keeps the newest by PEP 440, not by spelling or order', () => {
    assert.deepEqual(old(2, ['1.9', '1.10', '1.2', '1!0.1']), ['1.9', '1.2'])
  })

  test('keeps all files of a kept version, however its files spell it', () => {
    assert.deepEqual(old(1, ['1.0', '1.0.0', '0.9']), ['0.9'])
  })

  test('counts builds of one version as one', () => {
    assert.deepEqual(old(1, ['2.0+cpu', '2.0+cu121', '1.9+cpu', '1.9+cu121']), ['1.9+cpu', '1.9+cu121'])
  })

  test('lets no pre-release take the place of a final version', () => {
    assert.deepEqual(old(2, ['1.0', '1.1', '1.2', '2.0rc1', '2.0rc2', '2.0.dev1']), ['1.0', '2.0.dev1'])
  })

  test('gives up pre-releases of what has become final', () => {
    assert.deepEqual(old(1, ['2.0a1', '2.0rc1', '2.0']), ['2.0a1', '2.0rc1'])
  })

  test('keeps the newest pre-releases where there is nothing else', () => {
    assert.deepEqual(old(1, ['0.1a1', '0.1a2', '0.1.dev7']), ['0.1a1', '0.1.dev7'])
  })

  test('takes what is no version for older than any', () => {
    assert.deepEqual(old(1, ['final-2', '0.1']), ['final-2'])
    assert.deepEqual(old(2, ['final-2', '0.1']), [])
  })

  test('leaves withdrawn files alone, and lets them take no place', () => {
    assert.deepEqual(old(1, ['3.0', '2.0', '1.0'], { withdrawn: ['3.0', '1.0'] }), [])
    assert.deepEqual(old(1, ['3.0', '2.0', '1.0'], { withdrawn: ['3.0'] }), ['1.0'])
  })
})
