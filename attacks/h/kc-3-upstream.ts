import { claim, recordOf, seal } from '../decided.ts'
import { fromSource, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-upstream',
  title: 'a file of its own under a name that was sealed to its upstream',
  capability: 'SRV',
  means: 'signs a page and another record with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    stage.offer('app', stage.wheel({ name: 'app', version: '1.0' }))
    await stage.page('app')
    const name = stage.name('app')
    await seal(stage, recordOf(name, { authority: 'upstream', sources: ['public'] }))
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await claim(stage, recordOf(name, { rev: 2 }))
    await stage.forge('app', (page) =>
      fromSource(withFiles(page, { ...stage.plant(evil), _source: 'local' }), 'public'),
    )
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'name-rules' },
}
