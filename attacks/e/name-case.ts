import { buildSdist } from '../../test/support/python-projects.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'NAME-CASE',
  title: 'other bytes under the name of a file in other letters',
  capability: 'UPL',
  means: 'uploads both',
  async play(scene) {
    const eve = await scene.person('eve')
    const release = { name: scene.name('app'), version: '1.0' }
    const file = buildSdist(release)
    await scene.publish(eve, file)
    const other = buildSdist({ ...release, module: 'OTHER = 1\n' })
    return await scene.upload(eve.token, { ...other, filename: file.filename.replace(/^app/, 'App') })
  },
  refused: 'upload-file-exists',
}
