import type { Scenario } from '../scenario.ts'
import { upgraded } from '../steps.ts'
import { draftOf, signDraft } from '../stolen-keys.ts'

export const scenario: Scenario = {
  id: 'RB-LEN',
  title: 'two timestamps of the same number that say different things',
  capability: 'SRV',
  means: "signs with the timestamp's key alone",
  wanted: ['app 2.0'],
  async play(stage) {
    const earlier = await upgraded(stage)
    stage.relapse('app', earlier)
    // pip has asked for none.
    const { version } = draftOf(stage.mirror.last('/tuf/timestamp.json') ?? earlier.timestamp)
    const timestamp = { ...draftOf(earlier.timestamp), version }
    stage.mirror.serve('/tuf/timestamp.json', await signDraft(timestamp, await stage.stolen.key('timestamp')))
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'signatures' },
}
