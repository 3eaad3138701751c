import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { SoakReport } from './soak.ts'
import { runSoak } from './soak.ts'

/** An hour at night, seconds otherwise, so that it does not rot; `WAXSEAL_SOAK_MINUTES` and `WAXSEAL_SOAK_SEED` to try. */
const MINUTES = Number(process.env['WAXSEAL_SOAK_MINUTES'] ?? (process.env['WAXSEAL_NIGHTLY'] === undefined ? 0.2 : 60))
const REPORTS = resolve(import.meta.dirname, '../../.cache/soak')

void test(`${MINUTES} minutes of everything at once: flat memory, no descriptor left, nothing acknowledged lost`, async (t) => {
  const report = await runSoak({
    minutes: MINUTES,
    seed: process.env['WAXSEAL_SOAK_SEED'],
    lookEvery: MINUTES < 1 ? 500 : 5000,
    // For whoever wants to know before the hour is over.
    onLook: (seen, { counts, problems }) => save('running', { seen, counts: Object.fromEntries(counts), problems }),
  })
  const path = save(`${MINUTES}-minutes`, report)
  for (const line of linesOf(report, path)) t.diagnostic(line)
  assert.deepEqual(report.problems, [], `WAXSEAL_SOAK_SEED=${report.seed}`)
  assert.ok(report.memory.flat, `resident memory grew by ${report.memory.slope.toFixed(1)} MB an hour`)
  // Seconds on a busy machine may pass without the rarer ones.
  const rarer = MINUTES < 1 ? [] : ['cold file 200', 'page 304', 'cold file cut off', 'pip install done', 'change 200']
  for (const happened of ['upload 200', 'file 200', 'page 200', ...rarer]) {
    assert.ok((report.counts[happened] ?? 0) > 0, `no "${happened}": this was no soak`)
  }
})

function save(name: string, document: unknown): string {
  mkdirSync(REPORTS, { recursive: true })
  const path = join(REPORTS, `${name}.json`)
  writeFileSync(path, `${JSON.stringify(document, undefined, 1)}\n`)
  return path
}

function linesOf(report: SoakReport, path: string): readonly string[] {
  const { memory, descriptors } = report
  const slope = `${memory.slope.toFixed(1)} MB/h (median of slopes between lows; ${memory.leastSquares.toFixed(1)} by least squares)`
  const verdict = memory.judged
    ? `${memory.flat ? 'flat' : 'NOT FLAT'}, allowed ${memory.allowed}`
    : 'too short to judge'
  return [
    `resident memory without file pages: ${slope}: ${verdict}; peak ${report.peakMegabytes.toFixed(0)} MB`,
    `lows: ${memory.lows.map(({ hours, megabytes }) => `${(hours * 60).toFixed(0)}' ${megabytes.toFixed(1)}`).join(', ')} MB`,
    `descriptors: ${descriptors.before} before, ${descriptors.most} at most, ${descriptors.after} after; threads ${report.mostThreads}`,
    `processor: ${(report.processor * 100).toFixed(0)} % of a core; write-ahead log at most ${report.mostWalMegabytes.toFixed(1)} MB`,
    `requests: ${Object.entries(report.counts)
      .map(([what, times]) => `${what}: ${times}`)
      .join(', ')}`,
    `seed ${report.seed}; all observations: ${path}`,
  ]
}
