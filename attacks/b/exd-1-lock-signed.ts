import { theOnly, withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-1-lock-signed',
  title: 'the same while a lock is made, with a signed hash',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  newestOnly: true,
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    stage.offer('helper', stage.evil({ name: 'helper', version: '1.0' }))
    await stage.page('helper')
    const metadata = `${file.metadata}Requires-Dist: ${stage.name('helper')}\n`
    await stage.forge('app', (page) => withOnly(page, { ...theOnly(page), ...stage.plant(file, { metadata }) }))
    return await stage.pip(['lock', stage.name('app')])
  },
  guard: { remains: true },
}
