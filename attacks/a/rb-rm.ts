import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-RM',
  title: 'a new snapshot that leaves out the list of pages',
  capability: 'SRV',
  means: 'signs with the keys of timestamp and snapshot',
  wanted: ['app 2.0'],
  async play(stage) {
    stage.relapse('app', await upgraded(stage))
    await stage.resnap((snapshot, role) => {
      const { [`${role}.json`]: _, ...meta } = snapshot.meta
      return { ...snapshot, meta }
    }, 'app')
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
