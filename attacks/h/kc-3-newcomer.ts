import { claim, recordOf, seal } from '../decided.ts'
import { fromSource, withFiles } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-newcomer',
  title: 'a container that has seen nothing yet is shown the time before a name was sealed',
  capability: 'SRV',
  means: 'shows the old shard of the holders, and signs a record and a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const name = stage.name('app')
    const { state } = await stage.fork()
    await seal(stage, recordOf(name, { closed: true, files: [file] }))
    await stage.forge('app', (page) => fromSource(page, 'local'))
    await stage.install('app')
    const newcomer = await stage.newcomer()
    await stage.goBack(state)
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await claim(stage, recordOf(name, { rev: 2 }))
    await stage.forge('app', (page) => fromSource(withFiles(page, stage.plant(evil)), 'local'))
    return await newcomer.pip(['install', name])
  },
  guard: { holds: 'page-unverified', defence: 'exported-trust' },
}
