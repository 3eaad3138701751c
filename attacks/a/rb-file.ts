import { withOnly } from '../page.ts'
import { upgraded } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-FILE',
  title: 'a new page that lists the old release alone',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 2.0'],
  async play(stage) {
    await upgraded(stage)
    await stage.forge('app', (page) => withOnly(page, ...page.files.slice(0, 1)))
    return await stage.install('app')
  },
  guard: { remains: true },
}
