import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-9',
  title: 'a release, where the company has none for this Python',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0', requiresPython: '>=99' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '0.9' }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'nothing', defence: 'clean-environment' },
}
