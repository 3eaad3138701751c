import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FN-POISON',
  title: 'one entry with an address that cannot be read',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  denies: true,
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const poison = {
      filename: file.filename.replace('1.0', '0.9'),
      url: 'http://[::1',
      hashes: { sha256: file.sha256 },
    }
    await stage.forge('app', (page) => withFiles(page, poison))
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'rendering' },
}
