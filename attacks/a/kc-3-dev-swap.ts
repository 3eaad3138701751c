import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { signedByDevelopers } from '../developers.ts'
import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-dev-swap',
  title: 'other developers for a project that is not sealed',
  capability: 'SRV',
  means: 'signs a page and a delegation with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    await signedByDevelopers(stage, 'app', keySigner(generatePrivateKey()), [file])
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await signedByDevelopers(stage, 'app', keySigner(generatePrivateKey()), [file, evil], { version: 2 })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    return await stage.install('app')
  },
  guard: { remains: true },
}
