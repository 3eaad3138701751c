import { simulated } from '../stage.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-2-env',
  title: 'another index in the environment',
  capability: 'CLI',
  means: 'sets a variable',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'app', version: '99.0' })
    host.addProject({ name: evil.name, files: [simulated(evil)] })
    return await stage.install('app', { env: { PIP_EXTRA_INDEX_URL: host.simpleUrl } })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
