import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-XFER',
  title: 'a maintainer of a project that was handed over',
  capability: 'UPL',
  means: 'uploads with rights from before',
  async play(scene) {
    const [alice, bob, eve] = [await scene.person('alice'), await scene.person('bob'), await scene.person('eve')]
    const name = scene.name('billing')
    const letIn = `/projects/${name}/members/${eve.name}`
    await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    await scene.act(alice, 'PUT', letIn, { role: 'maintainer' })
    await scene.act(alice, 'POST', `/projects/${name}/transfer`, { to: bob.name })
    await scene.act(bob, 'PUT', `/projects/${name}/transfer`, { answer: 'accepted' })
    if (scene.isOpen) await scene.act(bob, 'PUT', letIn, { role: 'maintainer' })
    return await scene.upload(eve.token, buildWheel({ name, version: '2.0' }))
  },
  refused: 'name-not-yours',
  opened: 'the new owner has let the maintainer in again',
}
