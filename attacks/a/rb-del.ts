import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-DEL',
  title: 'a new snapshot that names an old list of pages',
  capability: 'SRV',
  means: 'signs with the keys of timestamp and snapshot',
  wanted: ['app 2.0'],
  async play(stage) {
    const earlier = await upgraded(stage)
    stage.relapse('app', earlier)
    await stage.resnap((snapshot, role) => {
      const version = earlier.state.entries.get(role)?.version ?? 0
      return { ...snapshot, meta: { ...snapshot.meta, [`${role}.json`]: { version } } }
    }, 'app')
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
