import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { signedByDevelopers } from '../developers.ts'
import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-seal',
  title: 'a newer release of a project whose developers sign under a sealed name',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const developer = keySigner(generatePrivateKey())
    await signedByDevelopers(stage, 'app', developer, [file], { holder: await stage.holder() })
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    return await stage.install('app')
  },
  guard: { holds: 'file-unverified', defence: 'developer-keys' },
}
