import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Metrics } from './metrics.ts'
import { readProcess } from './process-metrics.ts'

const BLOCKED_MS = 300

void test('how late the event loop was is told to everybody who scrapes, until its window is over', async () => {
  const metrics = new Metrics()
  readProcess(metrics, 1500)
  const latest = async (): Promise<number> => {
    const found = (await metrics.collect()).find(({ name }) => name === 'nodejs_eventloop_delay_seconds')
    return found?.points.find(({ labels }) => labels[0] === '0.99')?.value ?? 0
  }
  await latest()
  // The monitor has to have begun a turn of its own to see that this one is late.
  await delay(50)
  for (const until = performance.now() + BLOCKED_MS; performance.now() < until;);
  await delay(50)
  for (const who of ['a stranger', 'another', 'Prometheus']) {
    assert.ok((await latest()) > (0.9 * BLOCKED_MS) / 1000, who)
  }
  while ((await latest()) > (0.9 * BLOCKED_MS) / 1000) await delay(50)
})
