import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'NAME-SLOP',
  title: 'a name that a language model made up, where what nobody claimed is not to be had',
  capability: 'UPS',
  means: 'publishes under it',
  columns: ['bare', 'two', 'guard'],
  wanted: [],
  async play(stage) {
    stage.offer('unheard-tool', stage.evil({ name: 'unheard-tool', version: '1.0' }))
    return await stage.install('unheard-tool')
  },
  guard: { holds: 'nothing', defence: 'clean-environment' },
}
