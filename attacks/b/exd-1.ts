import { strangeSidecar } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-1',
  title: 'a sidecar that asks for one project more than its wheel does',
  capability: 'MIR',
  means: "answers for a project's page and a sidecar",
  wanted: ['app 1.0'],
  async play(stage) {
    await strangeSidecar(stage, (metadata) => `${metadata}Requires-Dist: ${stage.name('helper')}\n`)
    return await stage.install('app')
  },
  guard: { holds: 'sidecar-differs', defence: 'sidecar-hash' },
}
