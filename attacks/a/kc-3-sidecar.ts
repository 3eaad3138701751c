import { theOnly, withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-sidecar',
  title: 'a sidecar that asks for another project, with a signed hash',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    stage.offer('helper', stage.evil({ name: 'helper', version: '1.0' }))
    await stage.page('helper')
    const metadata = `${file.metadata}Requires-Dist: ${stage.name('helper')}\n`
    await stage.forge('app', (page) => withOnly(page, { ...theOnly(page), ...stage.plant(file, { metadata }) }))
    return await stage.install('app')
  },
  guard: { holds: 'sidecar-differs', defence: 'wheel-metadata' },
}
