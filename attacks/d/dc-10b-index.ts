import { startWaxseal } from '../../test/support/server.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'DC-10b-index',
  title: 'a client without credentials that is sent on to an index which anybody publishes on',
  capability: 'UPS',
  means: 'publishes under the same name',
  async play(scene) {
    const { upstream } = scene.world
    const name = scene.name('app')
    upstream.addProject({ name, files: [] })
    scene.move(
      await startWaxseal({
        upstreams: new Map([['public', upstream.simpleUrl]]),
        env: { WAXSEAL_READING: scene.isOpen ? 'public' : 'private' },
      }),
    )
    return await scene.fetch(`/simple/${name}/`)
  },
  refused: 'unauthorized',
  opened: 'everybody may read',
}
