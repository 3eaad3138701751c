import { withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-2',
  title: "a page of the attacker's, signed with the key of the snapshot",
  capability: 'SRV',
  means: 'signs with the keys of timestamp and snapshot',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await stage.forge('app', (page) => withFiles(page, stage.plant(evil)))
    const [timestamp, snapshot] = [await stage.stolen.key('timestamp'), await stage.stolen.key('snapshot')]
    await stage.resign(snapshot, timestamp)
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
