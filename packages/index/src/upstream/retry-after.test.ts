import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readRetryAfter } from './retry-after.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

it('reads Retry-After in seconds and as a date', () => {
  assert.equal(readRetryAfter('120', NOW), 120_000)
  assert.equal(readRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', NOW), 30_000)
  assert.equal(readRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', NOW), 0)
})

it('takes an unreadable Retry-After for none', () => {
  for (const value of [undefined, '', '-1x', 'soon', '1'.repeat(100)])
    assert.equal(readRetryAfter(value, NOW), undefined)
})
