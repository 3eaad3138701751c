import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { simulated } from '../stage.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-1',
  title: 'a line of a requirements file that names another index',
  capability: 'CLI',
  means: 'writes into requirements.txt',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'app', version: '99.0' })
    host.addProject({ name: evil.name, files: [simulated(evil)] })
    await writeFile(join(stage.user.work, 'requirements.txt'), `--extra-index-url ${host.simpleUrl}\n${evil.name}\n`)
    return await stage.pip(['install', '-r', 'requirements.txt'])
  },
  guard: { holds: 'option-refused', defence: 'options' },
}
