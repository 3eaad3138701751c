import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'TOK-2-new',
  title: 'a token of one project, of which there is nothing yet, that claims its name',
  capability: 'TOK',
  means: 'uploads with a token of one project',
  async play(scene) {
    const alice = await scene.person('alice')
    const name = scene.name('billing')
    const token = await scene.tokenOf(alice.name, name)
    if (scene.isOpen) await scene.administer('POST', `/projects/${name}/claim`, { owner: alice.name })
    return await scene.upload(token, buildWheel({ name, version: '1.0' }))
  },
  refused: 'name-not-yours',
  opened: 'an administrator has claimed the name for the owner of the token',
}
