import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { bearer } from '../scene.ts'

export const scenario: IndexScenario = {
  id: 'TOK-2-yank',
  title: 'a token of one project that yanks its releases',
  capability: 'TOK',
  means: 'asks for more than uploads with a token of one project',
  async play(scene) {
    const alice = await scene.person('alice')
    const name = scene.name('billing')
    await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    const token = await scene.tokenOf(alice.name, scene.isOpen ? undefined : name)
    return await scene.api(bearer(token), 'PUT', `/projects/${name}/releases/1.0/yank`, { reason: 'gone' })
  },
  refused: 'token-scope',
  opened: 'the token is of all projects',
}
