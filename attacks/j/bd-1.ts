import { backendModule, leaveMark, sdistBuiltBy } from '../sdist.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'BD-1',
  title: 'an sdist that runs its code when it is only downloaded',
  capability: 'UPS',
  means: 'publishes an sdist',
  wanted: ['app 1.0'],
  async play(stage) {
    const app = { name: stage.name('app'), version: '1.0' }
    const text = backendModule(app, { extra: leaveMark("runs the attacker's code") })
    stage.offer('app', sdistBuiltBy(app, { text }))
    return await stage.pip(['download', '--no-deps', app.name])
  },
  guard: { remains: true },
}
