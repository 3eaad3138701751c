import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-18',
  title: 'a public project that depends on a name of the company',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0', 'wrapper 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '99.0' }))
    stage.offer('wrapper', stage.wheel({ name: 'wrapper', version: '1.0', requires: ['acme-tool'] }))
    return await stage.install('wrapper')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
