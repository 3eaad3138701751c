import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-15',
  title: 'a name of the company that was asked for before it was published',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['corp-tool 1.0'],
  async play(stage) {
    stage.offer('corp-tool', stage.evil({ name: 'corp-tool', version: '99.0' }))
    await stage.install('corp-tool')
    await stage.publish({ name: 'corp-tool', version: '1.0' })
    return await stage.install('corp-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
