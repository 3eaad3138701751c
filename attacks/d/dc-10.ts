import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-10',
  title: "a release, while the company's index fails",
  capability: 'NET',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.mirror.fail(/^\/simple\//, { kind: 'status', status: 503 })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '99.0' }))
    return await stage.install('acme-tool', { args: ['--retries', '0'] })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
