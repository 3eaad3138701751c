import { strangeSidecar } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-7',
  title: 'a sidecar that nothing can satisfy, so that the older release is taken',
  capability: 'MIR',
  means: "answers for a project's page and a sidecar",
  wanted: ['app 2.0'],
  async play(stage) {
    const old = await stage.publish({ name: 'app', version: '1.0' })
    await strangeSidecar(stage, (metadata) => `${metadata}Requires-Dist: ${stage.name('helper')}==999\n`, {
      version: '2.0',
    })
    stage.own(old)
    return await stage.install('app')
  },
  guard: { holds: 'sidecar-differs', defence: 'signatures' },
}
