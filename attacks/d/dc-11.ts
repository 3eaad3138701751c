import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-11',
  title: 'a name of the company that it has not published',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: [],
  async play(stage) {
    const evil = stage.evil({ name: 'corp-tool', version: '99.0' })
    stage.offer('corp-tool', evil)
    return await stage.install('corp-tool')
  },
  guard: { holds: 'nothing', defence: 'clean-environment' },
}
