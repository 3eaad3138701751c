import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { simulated } from '../stage.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-1-url',
  title: 'a line of a requirements file that names a file elsewhere',
  capability: 'CLI',
  means: 'writes into requirements.txt',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'app', version: '99.0' })
    host.addProject({ name: evil.name, files: [simulated(evil)] })
    await writeFile(
      join(stage.user.work, 'requirements.txt'),
      `${evil.name} @ ${host.fileUrl(evil.name, evil.filename)}\n`,
    )
    return await stage.pip(['install', '-r', 'requirements.txt'])
  },
  guard: { holds: 'requirement-refused', defence: 'options' },
}
