import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { rolesOf, signedByDevelopers } from '../developers.ts'
import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DEL-3',
  title: 'what the developers signed withheld, so that the page alone would count',
  capability: 'SRV',
  means: 'signs a page with all online keys, and answers 404 for one role',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    await signedByDevelopers(stage, 'app', keySigner(generatePrivateKey()), [file])
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    stage.mirror.fail(`/tuf/1.${rolesOf(stage.name('app')).role}.json`, { kind: 'status', status: 404 })
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
