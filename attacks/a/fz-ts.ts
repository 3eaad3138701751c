import { frozen, HOUR_MS } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FZ-TS',
  title: 'the same state for more than a day',
  capability: 'MIR',
  means: 'repeats what it has, and lets nothing newer through',
  wanted: ['app 2.0'],
  async play(stage) {
    stage.relapse('app', await frozen(stage))
    return await stage.install('app', { later: 25 * HOUR_MS })
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
