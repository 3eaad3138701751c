import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-5',
  title: 'a wheel, where the company has an sdist alone',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.upload(stage.sdist({ name: 'acme-tool', version: '1.0' }))
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0' }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
