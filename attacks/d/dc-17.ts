import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-17',
  title: 'a name that was free elsewhere as long as it was only installed from here',
  capability: 'UPS',
  means: 'publishes under the same name later',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 2.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    await stage.install('acme-tool')
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '99.0' }))
    await stage.publish({ name: 'acme-tool', version: '2.0' })
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
