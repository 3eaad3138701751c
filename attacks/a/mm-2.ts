import { uploadFile } from '../../test/support/upload-form.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'MM-2',
  title: 'another index in the place of this one, whole and well signed',
  capability: 'MIR',
  means: 'answers with what another index says',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.install('app')
    const evil = stage.evil({ name: 'app', version: '9.0' })
    await uploadFile(stage.other, evil)
    stage.mirror.turnTo(stage.other.url)
    return await stage.install('app')
  },
  guard: { holds: 'page-unverified', defence: 'signatures' },
}
