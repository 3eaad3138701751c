import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-5b',
  title: 'an older wheel, where wheels are preferred',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 2.0'],
  async play(stage) {
    await stage.upload(stage.sdist({ name: 'acme-tool', version: '2.0' }))
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0' }))
    return await stage.install('acme-tool', { args: ['--prefer-binary'] })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
