import { draftOf, signDraft } from '../stolen-keys.ts'
import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-SN',
  title: 'a new timestamp that names an old snapshot',
  capability: 'SRV',
  means: "signs with the timestamp's key alone",
  wanted: ['app 2.0'],
  async play(stage) {
    const earlier = await upgraded(stage)
    stage.relapse('app', earlier)
    const { state } = await stage.fork()
    const timestamp = { ...draftOf(earlier.timestamp), version: state.timestamp.version + 1 }
    stage.mirror.serve('/tuf/timestamp.json', await signDraft(timestamp, await stage.stolen.key('timestamp')))
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
