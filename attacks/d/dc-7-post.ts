import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-7-post',
  title: 'a post release',
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '1.0.post1' }))
    return await stage.install('acme-tool~=1.0')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
