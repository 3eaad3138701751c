import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Explanation } from '@waxseal/index'
import { explanationLines } from './why.ts'

const explanation: Explanation = {
  project: 'billing',
  authority: 'internal',
  source: 'local',
  sentence: 'billing belongs to this index.',
  rule: { kind: 'claim', of: null, sentence: 'billing belongs to this index.' },
  decision: { by: 'alice', since: '2026-11-25T22:00:00.000Z', reason: null },
  next: null,
  newest: null,
  denials: [],
  openings: [],
  sealed: null,
  status: 'active',
  statusReason: null,
  snapshot: 3,
  upstreamCheckedAt: null,
  offeredCount: 0,
  withheldCount: 0,
  offered: [],
  withheld: [],
  decisions: [],
  events: [],
}

function offering(count: number, ...yanked: readonly boolean[]): string {
  const offered = yanked.map((each, at) => ({
    filename: `billing-${at}-py3-none-any.whl`,
    version: String(at),
    sha256: null,
    uploadTime: '2026-11-25T22:00:00.000000Z',
    uploadTimeSource: 'upload',
    yanked: each,
    yankedReason: null,
    stored: true,
  }))
  return explanationLines({ ...explanation, offeredCount: count, offered }).join('\n')
}

test('why counts what is offered, and says how much of it is yanked', () => {
  assert.match(offering(0), /offered {9}0 files$/m)
  assert.match(offering(1, true), /offered {9}1 file, 1 yanked$/m)
  assert.match(offering(2, false, true), /offered {9}2 files, 1 yanked$/m)
  assert.match(offering(2, false, false), /offered {9}2 files$/m)
  assert.match(offering(5000, false, true), /offered {9}5000 files, of the newest 2 1 yanked$/m)
})

test('why of a name that nobody answers for says how to see whether the upstreams answer', () => {
  const unclaimed = { ...explanation, authority: 'unclaimed', source: null, sentence: 'Nobody claimed billing.' }
  assert.match(explanationLines(unclaimed).join('\n'), /waxseal upstream check/)
  assert.doesNotMatch(explanationLines(explanation).join('\n'), /upstream check/)
})
