import { deny } from '../decided.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'QUAR-2',
  title: 'a quarantined project that is let out again without anybody having lifted it',
  capability: 'SRV',
  means: 'signs a shorter deny list with all online keys',
  wanted: [],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await deny(stage, stage.name('app'), { n: 1, reason: 'malware' })
    await stage.install('app')
    await deny(stage, stage.name('app'))
    return await stage.install('app')
  },
  guard: { holds: 'denied', defence: 'deny-list' },
}
