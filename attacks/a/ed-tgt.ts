import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ED-TGT',
  title: 'a wheel without end',
  capability: 'MIR',
  means: 'never ends its answer',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.fail(/\.whl$/, { kind: 'endless' })
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'size-limit' },
}
