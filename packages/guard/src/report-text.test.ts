import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reportLines } from './report-text.ts'
import { RunReport } from './run-report.ts'

void test('of many files that wait for one thing the report shows the last few, and counts the others', () => {
  const report = new RunReport(() => 0)
  const waiting = Array.from({ length: 5 }, (_, at) => ({
    filename: `six-${at}.0-py3-none-any.whl`,
    code: 'file-unapproved' as const,
    reason: `Ask for it: waxseal request six==${at}.0`,
  }))
  const denied = { filename: 'six-9.0-py3-none-any.whl', code: 'denied' as const, reason: 'six 9.0 is blocked.' }
  report.withheld('six', [...waiting, denied])
  const lines = reportLines(report.document({ index: 'https://packages.example', root: '' }, undefined, 0, 0)).slice(1)
  assert.deepEqual(lines, [
    ...[2, 3, 4].map(
      (at) => `  withheld six-${at}.0-py3-none-any.whl (file-unapproved): Ask for it: waxseal request six==${at}.0`,
    ),
    '  … and 2 more of six (file-unapproved)',
    '  withheld six-9.0-py3-none-any.whl (denied): six 9.0 is blocked.',
  ])
})
