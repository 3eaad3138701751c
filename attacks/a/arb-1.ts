import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ARB-1',
  title: 'other bytes in the place of a wheel',
  capability: 'MIR',
  means: 'answers for one file',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '1.0' })
    stage.mirror.serve(/\.whl$/, evil.bytes)
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'file-hash' },
}
