import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'EXD-1-bytes',
  title: 'other bytes of a sidecar than its page says',
  capability: 'MIR',
  means: 'answers for a sidecar',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    stage.offer('helper', stage.evil({ name: 'helper', version: '1.0' }))
    stage.mirror.serve(/\.metadata$/, Buffer.from(`${file.metadata}Requires-Dist: ${stage.name('helper')}\n`))
    return await stage.install('app')
  },
  guard: { holds: 'sidecar-differs', defence: 'sidecar-hash' },
}
