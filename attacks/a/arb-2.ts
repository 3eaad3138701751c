import { withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'ARB-2',
  title: 'a page and a wheel that nobody signed',
  capability: 'MIR',
  means: "answers for a project's page and its files",
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '1.0' })
    await stage.lie('app', (page) => withOnly(page, stage.plant(evil)))
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'signatures' },
}
