import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-10b',
  title: "a release, while the company's index wants credentials that the user does not have",
  capability: 'UPS',
  means: 'publishes under the same name',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.mirror.fail(/^\//, { kind: 'status', status: 401 })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '99.0' }))
    return await stage.install('acme-tool', { args: ['--retries', '0'] })
  },
  guard: { holds: 'index-unreachable', defence: 'clean-environment' },
}
