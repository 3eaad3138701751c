import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'TOK-4',
  title: "somebody else's token, revoked by its number",
  capability: 'UPL',
  means: 'asks for the end of a token whose number is known',
  async play(scene) {
    const [alice, eve] = [await scene.person('alice'), await scene.person('eve', { admin: scene.isOpen })]
    const { tokens } = (await scene.act(alice, 'GET', '/tokens')) as {
      readonly tokens: readonly { readonly id: string }[]
    }
    const path = `/tokens/${tokens[0]?.id ?? ''}`
    return await scene.api(eve, 'DELETE', path)
  },
  refused: 'not-found',
  opened: 'whoever asks is an administrator',
}
