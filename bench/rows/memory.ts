import { setTimeout as wait } from 'node:timers/promises'
import { startWaxseal } from '../../test/support/server.ts'
import type { Row } from '../figure.ts'
import { residentMb } from '../processes.ts'

const IDLE_MAX_MB = 100
const LOADED_MAX_MB = 200
const SETTLE_MS = 2_000

/** Idle: a fresh process on the data of the other rows, health and one page asked for. Under load: the peak of the one that served all of them. */
export const memory: Row = async ({ ours, config }) => {
  const { dataDir } = ours
  await using idle = await startWaxseal({ dataDir, args: ['--config', config] })
  for (const path of ['/-/health', '/simple/small-page/']) await (await fetch(`${idle.url}${path}`)).arrayBuffer()
  await wait(SETTLE_MS)
  const resting = residentMb(idle.pid, 'now')
  const peak = residentMb(ours.pid, 'peak')
  return [
    {
      what: 'resident memory, idle',
      ours: `${resting.toFixed(0)} MB`,
      bar: `≤ ${IDLE_MAX_MB} MB`,
      met: resting <= IDLE_MAX_MB,
    },
    {
      what: 'resident memory, peak of all rows above',
      ours: `${peak.toFixed(0)} MB`,
      bar: `≤ ${LOADED_MAX_MB} MB`,
      met: peak <= LOADED_MAX_MB,
    },
  ]
}
