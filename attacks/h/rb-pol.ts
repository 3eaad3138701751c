import { claim, recordOf } from '../decided.ts'
import { fromSource } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-POL',
  title: 'a decision about a name from before the one that was seen',
  capability: 'SRV',
  means: 'signs a record of before with all online keys',
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const name = stage.name('app')
    // Nothing of it is to be had any more.
    await claim(stage, recordOf(name, { rev: 7, sources: [] }))
    await stage.forge('app', (page) => fromSource(page, 'local'))
    await stage.install('app')
    await claim(stage, recordOf(name, { rev: 6 }))
    return await stage.install('app')
  },
  guard: { holds: 'name-refused', defence: 'name-rules' },
}
