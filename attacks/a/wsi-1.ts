import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'WSI-1',
  title: "another project's page, which is signed",
  capability: 'MIR',
  means: "answers for one page with another's",
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.publish({ name: 'bar', version: '1.0' })
    const bar = await stage.page('bar')
    await stage.lie('app', () => bar)
    return await stage.install('app')
  },
  guard: { holds: 'installs', defence: 'signatures' },
}
