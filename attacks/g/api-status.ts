import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'API-STATUS',
  title: 'a project that is quarantined, with all its files',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: [],
  async play(stage) {
    stage.own(await stage.publish({ name: 'app', version: '1.0' }))
    await stage.forge('app', (page) => ({ ...page, 'project-status': { status: 'quarantined' } }))
    return await stage.install('app')
  },
  guard: { holds: 'name-refused', defence: 'status' },
}
