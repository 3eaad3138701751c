import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-TS',
  title: 'the whole index as it was yesterday, before a fix',
  capability: 'MIR',
  means: 'shows an older state that was signed',
  wanted: ['app 2.0'],
  async play(stage) {
    const earlier = await upgraded(stage)
    stage.relapse('app', earlier)
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
