import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ED-META',
  title: 'metadata without end',
  capability: 'MIR',
  means: 'never ends its answer',
  columns: ['guard'],
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.fail('/tuf/timestamp.json', { kind: 'endless' })
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
