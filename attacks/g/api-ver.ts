import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'API-VER',
  title: 'a page of a version that nobody knows',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.forge('app', (page) => ({ ...page, meta: { 'api-version': '2.0' } }))
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'rendering' },
}
