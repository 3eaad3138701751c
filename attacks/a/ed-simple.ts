import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ED-SIMPLE',
  title: 'a page without end',
  capability: 'MIR',
  means: 'never ends its answer',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.fail(/^\/simple\//, { kind: 'endless' })
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'rendering' },
}
