import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-RES',
  title: 'the name of a project that its owner has deleted',
  capability: 'UPL',
  means: 'uploads under it',
  async play(scene) {
    const [alice, eve] = [await scene.person('alice'), await scene.person('eve')]
    const name = scene.name('billing')
    await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    await scene.act(alice, 'DELETE', `/projects/${name}`)
    if (scene.isOpen) await scene.act(alice, 'PUT', `/projects/${name}/members/${eve.name}`, { role: 'maintainer' })
    return await scene.upload(eve.token, buildWheel({ name, version: '2.0' }))
  },
  refused: 'name-not-yours',
  opened: 'the owner has let the attacker in',
}
