import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-13',
  title: 'a name spelled otherwise',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'Acme.Tool', version: '99.0' }))
    return await stage.install('Acme_.Tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
