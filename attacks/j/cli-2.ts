import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { simulated } from '../stage.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-2',
  title: "another index in the user's pip.conf",
  capability: 'CLI',
  means: 'writes into a configuration file',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'app', version: '99.0' })
    host.addProject({ name: evil.name, files: [simulated(evil)] })
    const conf = join(stage.user.work, 'pip.conf')
    await writeFile(conf, `[global]\nextra-index-url = ${host.simpleUrl}\n`)
    return await stage.install('app', { env: { PIP_CONFIG_FILE: conf } })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
