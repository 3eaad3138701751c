import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-1',
  title: "a page of the attacker's, signed with the key of the timestamp",
  capability: 'SRV',
  means: "signs with the timestamp's key alone",
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    await stage.resign(await stage.stolen.key('timestamp'))
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
