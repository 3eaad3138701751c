import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'SR-1-file',
  title: 'a wheel that comes a byte a second',
  capability: 'MIR',
  means: 'answers just often enough that nobody times out',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.fail(/\.whl$/, { kind: 'drip', everyMs: 1000 })
    return await stage.install('app', { args: ['--timeout', '5'] })
  },
  guard: { holds: 'file-unavailable', defence: 'pace' },
}
