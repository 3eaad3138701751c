import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-NS',
  title: 'another spelling of a name in a namespace of somebody else',
  capability: 'UPL',
  means: 'uploads under it',
  async play(scene) {
    const [alice, eve] = [await scene.person('alice'), await scene.person('eve')]
    const namespace = scene.name('foo')
    await scene.administer('POST', '/namespaces', { name: namespace, owner: alice.name })
    if (scene.isOpen) await scene.administer('DELETE', `/namespaces/${namespace}`)
    // What only begins with the same letters is not in it.
    await scene.publish(eve, buildWheel({ name: `${namespace}bar`, version: '1.0' }))
    return await scene.upload(eve.token, buildWheel({ name: `${namespace}.Quux`, version: '1.0' }))
  },
  refused: 'name-namespace',
  opened: 'an administrator has ended the grant',
}
