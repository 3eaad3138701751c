import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-add',
  title: 'a newer release in a page that is signed',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    return await stage.install('app')
  },
  guard: { remains: true },
}
