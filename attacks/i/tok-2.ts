import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'TOK-2',
  title: 'a token of one project that uploads to another of the same owner',
  capability: 'TOK',
  means: 'uploads with a token of one project',
  async play(scene) {
    const alice = await scene.person('alice')
    const [one, other] = [scene.name('billing'), scene.name('shipping')]
    for (const name of [one, other]) await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    const token = await scene.tokenOf(alice.name, scene.isOpen ? undefined : one)
    return await scene.upload(token, buildWheel({ name: other, version: '2.0' }))
  },
  refused: 'token-scope',
  opened: 'the token is of all projects',
}
