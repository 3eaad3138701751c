import { strangeSidecar } from '../steps.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-1-lock',
  title: 'the same while a lock is made, when no wheel is looked at',
  capability: 'MIR',
  means: "answers for a project's page and a sidecar",
  newestOnly: true,
  wanted: ['app 1.0'],
  async play(stage) {
    await strangeSidecar(stage, (metadata) => `${metadata}Requires-Dist: ${stage.name('helper')}\n`)
    return await stage.pip(['lock', stage.name('app')])
  },
  guard: { holds: 'sidecar-differs', defence: 'signatures' },
}
