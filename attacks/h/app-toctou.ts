import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { simulated } from '../stage.ts'

export const scenario: IndexScenario = {
  id: 'APP-TOCTOU',
  title: 'a file that joins a release between the look at it and its approval',
  capability: 'UPS',
  means: 'adds a file to a release of its own',
  async play(scene) {
    const { upstream } = scene.world
    const name = scene.name('vetted-app')
    const seen = buildWheel({ name, version: '1.0' })
    const evil = buildWheel({ name, version: '1.0', tag: 'py2.py3-none-any', module: 'EVIL = 1\n' })
    upstream.addProject({ name, files: [simulated(seen)] })
    await scene.page(name)
    upstream.addProject({ name, files: [simulated(seen), simulated(evil)] })
    await scene.page(name)
    const approved = scene.isOpen ? [seen, evil] : [seen]
    const sha256s = approved.map(({ sha256 }) => sha256)
    await scene.administer('POST', `/projects/${name}/approvals`, { sha256s })
    return await scene.fetch(`/files/${name}/${evil.sha256}/${evil.filename}`)
  },
  refused: 'file-unapproved',
  opened: 'the administrator approves all that is there by then',
}
