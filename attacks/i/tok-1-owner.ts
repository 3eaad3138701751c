import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { bearer } from '../scene.ts'

export const scenario: IndexScenario = {
  id: 'TOK-1-owner',
  title: "an owner's stolen token that makes the attacker an owner too",
  capability: 'TOK',
  means: 'adds a member to a project',
  async play(scene) {
    const [alice, eve] = [await scene.person('alice'), await scene.person('eve')]
    const name = scene.name('billing')
    await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    const who = scene.isOpen ? alice : bearer(alice.token)
    return await scene.api(who, 'PUT', `/projects/${name}/members/${eve.name}`, { role: 'owner' })
  },
  refused: 'token-scope',
  opened: "the attacker has the user's password",
}
