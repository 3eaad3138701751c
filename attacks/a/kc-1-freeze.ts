import type { Scenario } from '../scenario.ts'
import { frozen, HOUR_MS } from '../steps.ts'
import { draftOf, signDraft } from '../stolen-keys.ts'

export const scenario: Scenario = {
  id: 'KC-1-freeze',
  title: 'the same state for more than a day, with a new timestamp each day',
  capability: 'SRV',
  means: "signs with the timestamp's key alone",
  wanted: ['app 2.0'],
  async play(stage) {
    const earlier = await frozen(stage)
    stage.relapse('app', earlier)
    const before = draftOf(earlier.timestamp)
    const expires = new Date(Date.now() + 48 * HOUR_MS).toISOString().replace(/\.\d+Z$/, 'Z')
    const timestamp = { ...before, version: before.version + 1, expires }
    stage.mirror.serve('/tuf/timestamp.json', await signDraft(timestamp, await stage.stolen.key('timestamp')))
    return await stage.install('app', { later: 25 * HOUR_MS })
  },
  guard: { remains: true },
}
