import type { IndexScenario } from '../index-scenario.ts'
import { bearer } from '../scene.ts'

export const scenario: IndexScenario = {
  id: 'TOK-1',
  title: 'a stolen token that makes itself another one, which lasts',
  capability: 'TOK',
  means: 'asks for a token as the user that the stolen one is of',
  async play(scene) {
    const alice = await scene.person('alice')
    const who = scene.isOpen ? alice : bearer(alice.token)
    return await scene.api(who, 'POST', '/tokens', { scope: 'upload' })
  },
  refused: 'token-scope',
  opened: "the attacker has the user's password",
}
