import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'MM-1',
  title: "today's snapshot with yesterday's list of pages",
  capability: 'MIR',
  means: 'answers for one role with an older file of it',
  wanted: ['app 3.0'],
  async play(stage) {
    const earlier = await upgraded(stage)
    stage.relapse('app', earlier, false)
    const { state } = await stage.fork()
    const role = stage.binOf('app', state)
    const old = await stage.stolen.stored(role, earlier.state.entries.get(role)?.version ?? 0)
    await stage.publish({ name: 'app', version: '3.0' })
    stage.mirror.serve(new RegExp(`^/tuf/\\d+\\.${role}\\.json$`), old)
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
