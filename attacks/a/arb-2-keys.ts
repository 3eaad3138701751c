import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ARB-2-keys',
  title: 'metadata that is whole, and signed with other keys',
  capability: 'MIR',
  means: 'answers for everything, with keys of its own',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '1.0' })
    await stage.forge('app', (page) => withOnly(page, stage.plant(evil)))
    await stage.resign(keySigner(generatePrivateKey()))
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
