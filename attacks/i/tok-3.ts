import { setImmediate } from 'node:timers/promises'
import { buildWheel } from '../../test/support/python-projects.ts'
import { ask } from '../../test/support/raw-http.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'TOK-3',
  title: 'a token in an address that a log would keep',
  capability: 'TOK',
  means: 'sends a token where an address has its query',
  async play(scene) {
    const alice = await scene.person('alice')
    const name = scene.name('billing')
    const path = `/simple/${name}/?token=${alice.token}`
    await scene.publish(alice, buildWheel({ name, version: '1.0' }))
    await ask(`${scene.server.url}${path}`)
    while (!scene.server.log().includes(`/simple/${name}/`)) await setImmediate()
    return { code: scene.server.log().includes(alice.token) ? undefined : 'not-logged', through: 'HTTP' }
  },
  refused: 'not-logged',
}
