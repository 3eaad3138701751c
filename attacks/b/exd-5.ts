import { backendModule, sdistBuiltBy } from '../sdist.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-5',
  title: 'an sdist that names a dependency only when it is built',
  capability: 'UPS',
  means: 'publishes an sdist',
  wanted: ['app 1.0'],
  async play(stage) {
    const app = { name: stage.name('app'), version: '1.0' }
    stage.offer('helper', stage.evil({ name: 'helper', version: '1.0' }))
    stage.offer('app', sdistBuiltBy(app, { text: backendModule(app, { dependency: stage.name('helper') }) }))
    return await stage.install('app')
  },
  guard: { remains: true },
}
