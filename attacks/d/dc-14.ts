import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backendModule, leaveMark, sdistBuiltBy } from '../sdist.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-14',
  title: 'what an sdist is built with, although all that is installed has its hash',
  capability: 'UPS',
  means: 'publishes under the name of a build dependency',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    const [tool, build] = [stage.name('acme-tool'), stage.name('acme-build')]
    const app = { name: tool, version: '1.0' }
    const module = backendModule(app)
    await stage.publish({ name: 'acme-build', version: '1.0', module })
    const sdist = sdistBuiltBy(app, { module: build.replaceAll('-', '_'), requires: [build] })
    await stage.upload(sdist)
    const evil = `${leaveMark('runs what the attacker builds with')}${module}`
    stage.offer('acme-build', stage.evil({ name: 'acme-build', version: '9.0', module: evil }))
    await writeFile(join(stage.user.work, 'requirements.txt'), `${tool}==1.0 --hash=sha256:${sdist.sha256}\n`)
    return await stage.pip(['install', '--require-hashes', '-r', 'requirements.txt'])
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
