import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-STD',
  title: "the name of a module of Python's own",
  capability: 'UPL',
  means: 'uploads under it',
  async play(scene) {
    const eve = await scene.person('eve')
    if (scene.isOpen) await scene.administer('POST', '/projects/asyncio/claim', { owner: eve.name, prohibited: true })
    return await scene.upload(eve.token, buildWheel({ name: 'asyncio', version: '1.0' }))
  },
  refused: 'name-prohibited',
  opened: 'an administrator has claimed the name all the same',
}
