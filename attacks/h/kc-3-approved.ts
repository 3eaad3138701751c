import { claim, recordOf, seal } from '../decided.ts'
import { fromSource, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-approved',
  title: 'a release that nobody approved, where approvals were sealed',
  capability: 'SRV',
  means: 'signs a page and another record with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = stage.wheel({ name: 'app', version: '1.0' })
    stage.offer('app', file)
    await stage.page('app')
    const approved = { authority: 'upstream', sources: ['public'], closed: true } as const
    const name = stage.name('app')
    await seal(stage, recordOf(name, { ...approved, files: [file] }))
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await claim(stage, recordOf(name, { ...approved, rev: 2, files: [file, evil] }))
    await stage.forge('app', (page) => fromSource(withFiles(page, stage.plant(evil)), 'public'))
    return await stage.install('app')
  },
  guard: { holds: 'file-unapproved', defence: 'name-rules' },
}
