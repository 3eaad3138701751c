import { withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-replace',
  title: 'other bytes under the name of a file that was installed before',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.install('app')
    const evil = stage.evil({ name: 'app', version: '1.0' })
    await stage.forge('app', (page) => withOnly(page, stage.plant(evil)))
    return await stage.install('app')
  },
  guard: { holds: 'file-changed', defence: 'pins' },
}
