import { buildWheel } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-REUSE',
  title: 'other bytes under the name of a file that was deleted',
  capability: 'UPL',
  means: 'deletes a file of its own, and uploads another',
  async play(scene) {
    const eve = await scene.person('eve')
    const release = { name: scene.name('app'), version: '1.0' }
    const file = buildWheel(release)
    await scene.publish(eve, file)
    await scene.administer('DELETE', `/projects/${release.name}/files/${file.filename}`)
    return await scene.upload(eve.token, buildWheel({ ...release, module: 'OTHER = 1\n' }))
  },
  refused: 'upload-filename-burned',
}
