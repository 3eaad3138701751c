import { claim, recordOf, seal } from '../decided.ts'
import { fromSource, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-internal',
  title: 'a newer release of an internal name that was sealed',
  capability: 'SRV',
  means: 'signs a page and another record with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const name = stage.name('app')
    await seal(stage, recordOf(name, { closed: true, files: [file] }))
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await claim(stage, recordOf(name, { rev: 2, closed: true, files: [file, evil] }))
    await stage.forge('app', (page) => fromSource(withFiles(page, stage.plant(evil)), 'local'))
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'name-rules' },
}
