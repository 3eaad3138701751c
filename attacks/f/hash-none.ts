import { theOnly, withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'HASH-NONE',
  title: 'a page without any hash',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '1.0' })
    stage.mirror.serve(`/files/${file.name}/${file.sha256}/${file.filename}`, evil.bytes)
    await stage.forge('app', (page) => withOnly(page, { ...theOnly(page), hashes: {}, 'core-metadata': false }))
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'rendering' },
}
