import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'PE-2',
  title: "a page that lists another project's wheel",
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['zap 1.0'],
  async play(stage) {
    await stage.publish({ name: 'zap', version: '1.0' })
    const evil = stage.evil({ name: 'bar', version: '9.0' })
    await stage.upload(evil)
    await stage.forge('zap', (page) => withFiles(page, stage.plant(evil)))
    return await stage.install('zap')
  },
  guard: { holds: 'file-unverified', defence: 'name-check' },
}
