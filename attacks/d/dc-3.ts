import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-3',
  title: 'the same version for this platform',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0', tag: 'py3-none-manylinux1_x86_64' }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
