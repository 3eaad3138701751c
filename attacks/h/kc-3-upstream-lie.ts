import { recordOf, seal } from '../decided.ts'
import { fromSource, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-upstream-lie',
  title: 'a file of its own, said to come from the upstream that the name was sealed to',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    stage.offer('app', stage.wheel({ name: 'app', version: '1.0' }))
    await stage.page('app')
    await seal(stage, recordOf(stage.name('app'), { authority: 'upstream', sources: ['public'] }))
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => fromSource(withFiles(page, stage.plant(evil)), 'public'))
    return await stage.install('app')
  },
  guard: { remains: true },
}
