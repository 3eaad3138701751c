import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'API-NAME',
  title: 'a page that says it is of another project',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.forge('app', (page) => ({ ...page, name: stage.name('bar') }))
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'rendering' },
}
