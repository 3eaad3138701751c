import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-4',
  title: 'the same version with a build tag',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0', tag: '9999-py3-none-any' }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
