import { buildWheel } from '../../test/support/python-projects.ts'
import { startWaxseal } from '../../test/support/server.ts'
import { startSimulator } from '../../test/support/upstream-simulator.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { simulated } from '../stage.ts'

export const scenario: IndexScenario = {
  id: 'SELF-APPROVE',
  title: 'one administrator who approves for both, where two have to',
  capability: 'INS',
  means: 'approves a file twice',
  async play(scene) {
    const upstream = scene.use(await startSimulator())
    const env = { WAXSEAL_NAMES_UNCLAIMED: '*=approve', WAXSEAL_NAMES_APPROVALS: '2' }
    scene.move(await startWaxseal({ upstreams: new Map([['public', upstream.simpleUrl]]), env }))
    const name = scene.name('app')
    const file = buildWheel({ name, version: '1.0' })
    upstream.addProject({ name, files: [simulated(file)] })
    const first = await scene.person('eve', { admin: true })
    const second = scene.isOpen ? await scene.person('bob', { admin: true }) : first
    for (const who of [first, second])
      await scene.act(who, 'POST', `/projects/${name}/approvals`, { sha256s: [file.sha256] })
    return await scene.fetch(`/files/${name}/${file.sha256}/${file.filename}`)
  },
  refused: 'file-unapproved',
  opened: 'a second administrator approves too',
}
