import { buildWheel } from '../../test/support/python-projects.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-6',
  title: 'a dependency that names an address instead of a project',
  capability: 'UPS',
  means: 'publishes a wheel',
  wanted: ['app 1.0'],
  async play(stage) {
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'helper', version: '1.0' })
    host.addAnswer(`/${evil.filename}`, { body: evil.bytes })
    const app = { name: stage.name('app'), version: '1.0', requires: [`${evil.name} @ ${host.url}/${evil.filename}`] }
    stage.offer('app', buildWheel(app))
    return await stage.install('app')
  },
  guard: { holds: 'requirement-refused', defence: 'direct-urls' },
}
