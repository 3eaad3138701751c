import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-CONF',
  title: 'a new name that the eye cannot tell from a project of the index',
  capability: 'UPL',
  means: 'uploads under it',
  async play(scene) {
    const [alice, eve] = [await scene.person('alice'), await scene.person('eve')]
    await scene.publish(alice, buildWheel({ name: scene.name('billing'), version: '1.0' }))
    const name = scene.name('bi11-ing')
    if (scene.isOpen) await scene.administer('POST', `/projects/${name}/claim`, { owner: eve.name, lookAlike: true })
    return await scene.upload(eve.token, buildWheel({ name, version: '1.0' }))
  },
  refused: 'name-look-alike',
  opened: 'an administrator has claimed the name all the same',
}
