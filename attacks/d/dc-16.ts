import { buildWheel } from '../../test/support/python-projects.ts'
import { ask } from '../../test/support/raw-http.ts'
import { startSimulator } from '../../test/support/upstream-simulator.ts'
import type { IndexScenario } from '../index-scenario.ts'
import { JSON_TYPE } from '../page.ts'
import { simulated } from '../stage.ts'

/** Of two indexes uv takes the first that does not say 404, whatever files it has. */
const GOES_ON = 404

export const scenario: IndexScenario = {
  id: 'DC-16',
  title: 'a name of the company that it has not published, for a client that goes on to its second index at a 404',
  capability: 'UPS',
  means: 'publishes under the same name',
  async play(scene) {
    const second = scene.use(await startSimulator())
    const name = scene.name(scene.isOpen ? 'free-tool' : 'corp-tool')
    second.addProject({ name, files: [simulated(buildWheel({ name, version: '99.0' }))] })
    for (const index of [`${scene.server.url}/simple/`, second.simpleUrl]) {
      const { status, body } = await ask(`${index}${name}/`, { headers: { accept: JSON_TYPE } })
      if (status === GOES_ON) continue
      const { files } = JSON.parse(body.toString()) as { readonly files: readonly unknown[] }
      return { code: files.length > 0 ? undefined : 'no-files', through: 'as uv asks' }
    }
    return { code: 'not-found', through: 'as uv asks' }
  },
  refused: 'no-files',
  opened: 'the name is under no prefix of the company',
}
