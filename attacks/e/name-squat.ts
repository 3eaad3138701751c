import { buildWheel } from '../../test/support/python-projects.ts'
import { startWaxseal } from '../../test/support/server.ts'
import type { IndexScenario } from '../index-scenario.ts'

const PER_DAY = 2

export const scenario: IndexScenario = {
  id: 'NAME-SQUAT',
  title: 'names taken in stock',
  capability: 'UPL',
  means: 'uploads to one new name after the other',
  async play(scene) {
    const claims = scene.isOpen ? PER_DAY + 1 : PER_DAY
    scene.move(await startWaxseal({ args: ['--no-upstream'], env: { WAXSEAL_NAMES_CLAIMS_PER_DAY: String(claims) } }))
    const eve = await scene.person('eve')
    for (const stem of ['apple', 'grape'])
      await scene.publish(eve, buildWheel({ name: scene.name(stem), version: '1.0' }))
    return await scene.upload(eve.token, buildWheel({ name: scene.name('melon'), version: '1.0' }))
  },
  refused: 'name-claim-limit',
  opened: 'the limit of a day is higher than what is taken',
}
