import { frozen } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FZ-ROLE',
  title: 'one list of pages withheld, all else fresh',
  capability: 'MIR',
  means: 'answers 404 for one role, and with the old page',
  wanted: ['app 2.0'],
  async play(stage) {
    stage.relapse('app', await frozen(stage), false)
    stage.mirror.fail(/^\/tuf\/\d+\.bin-/, { kind: 'status', status: 404 })
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
