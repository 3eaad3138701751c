import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'TOK-5',
  title: 'a token of a user who was shut out',
  capability: 'UPL',
  means: 'uploads with a token from before',
  async play(scene) {
    const eve = await scene.person('eve')
    const name = scene.name('billing')
    await scene.publish(eve, buildWheel({ name, version: '1.0' }))
    for (const disabled of scene.isOpen ? [true, false] : [true])
      await scene.administer('PUT', `/users/${eve.name}/disabled`, { disabled })
    return await scene.upload(eve.token, buildWheel({ name, version: '2.0' }))
  },
  refused: 'upload-credentials-invalid',
  opened: 'an administrator has let the user in again',
}
