import { theOnly, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'BIGINT',
  title: 'a version of five thousand digits',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  denies: true,
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const filename = file.filename.replace('1.0', '9'.repeat(5000))
    await stage.forge('app', (page) => withFiles(page, { ...theOnly(page), filename, url: `../../${filename}` }))
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'rendering' },
}
