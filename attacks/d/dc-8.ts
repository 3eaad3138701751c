import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-8',
  title: 'a release, where the company has withdrawn its own',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '2.0' })
    await stage.administer('release', 'yank', stage.name('acme-tool'), '2.0')
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0' }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'nothing', defence: 'clean-environment' },
}
