import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-TYPO-prefix',
  title: "a new name that looks as if it stood under the company's prefix",
  capability: 'UPL',
  means: 'uploads under it',
  async play(scene) {
    const eve = await scene.person('eve')
    const name = scene.name('c0rp-billing')
    if (scene.isOpen) await scene.administer('POST', `/projects/${name}/claim`, { owner: eve.name, lookAlike: true })
    return await scene.upload(eve.token, buildWheel({ name, version: '1.0' }))
  },
  refused: 'name-look-alike',
  opened: 'an administrator has claimed the name all the same',
}
