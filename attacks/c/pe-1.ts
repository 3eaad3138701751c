import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'PE-1',
  title: 'a project that claims to provide every other',
  capability: 'UPL',
  means: 'uploads a wheel with Provides-Dist',
  wanted: ['app 1.0', 'zap 1.0'],
  async play(stage) {
    await stage.publish({ name: 'zap', version: '1.0' })
    await stage.publish({ name: 'app', version: '1.0', requires: ['zap'] })
    const provides = [`${stage.name('zap')} (9.0)`, stage.name('app')]
    await stage.upload(stage.evil({ name: 'bar', version: '9.0', provides }))
    return await stage.install('app')
  },
  guard: { holds: 'index' },
}
