import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FZ-QUAR',
  title: 'a file that was withdrawn after its page was read',
  capability: 'FLT',
  means: 'a page from before, in a cache',
  wanted: [],
  async play(stage) {
    stage.own(await stage.publish({ name: 'app', version: '1.0' }))
    stage.relapse('app', await stage.remember('app'), false)
    await stage.administer('project', 'status', stage.name('app'), 'quarantined')
    return await stage.install('app')
  },
  guard: { holds: 'index' },
}
