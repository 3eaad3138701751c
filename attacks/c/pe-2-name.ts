import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'PE-2-name',
  title: "another project's wheel under a name of this one",
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['zap 1.0'],
  async play(stage) {
    await stage.publish({ name: 'zap', version: '1.0' })
    const evil = stage.evil({ name: 'bar', version: '9.0' })
    const metadata = evil.metadata.replace(evil.name, stage.name('zap'))
    const renamed = { ...evil, name: stage.name('zap'), filename: evil.filename.replace('bar', 'zap') }
    await stage.forge('zap', (page) => withFiles(page, stage.plant(renamed, { metadata })))
    return await stage.install('zap')
  },
  guard: { holds: 'sidecar-differs', defence: 'wheel-metadata' },
}
