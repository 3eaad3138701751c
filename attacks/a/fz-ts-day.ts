import { frozen } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FZ-TS-day',
  title: 'the same state for less than a day',
  capability: 'MIR',
  means: 'repeats what it has, and lets nothing newer through',
  wanted: ['app 2.0'],
  async play(stage) {
    stage.relapse('app', await frozen(stage))
    return await stage.install('app')
  },
  guard: { remains: true },
}
