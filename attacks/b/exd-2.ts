import { strangeSidecar } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-2',
  title: 'a sidecar that leaves out what its wheel needs',
  capability: 'MIR',
  means: "answers for a project's page and a sidecar",
  wanted: ['app 1.0', 'helper 1.0'],
  async play(stage) {
    await stage.publish({ name: 'helper', version: '1.0' })
    await strangeSidecar(stage, (metadata) => metadata.replace(/^Requires-Dist: .*\n/m, ''), { requires: ['helper'] })
    return await stage.install('app')
  },
  guard: { holds: 'sidecar-differs', defence: 'sidecar-hash' },
}
