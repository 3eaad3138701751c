import { backendModule, leaveMark, sdistBuiltBy } from '../sdist.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'BD-4',
  title: "a build that reads the index's credentials",
  capability: 'UPS',
  means: 'publishes an sdist',
  wanted: ['app 1.0'],
  async play(stage) {
    const app = { name: stage.name('app'), version: '1.0' }
    const env = { PIP_INDEX_URL: stage.user.indexUrl.replace('//', `//__token__:${stage.token}@`) }
    const extra = `if '${stage.token}' in str(dict(os.environ)):\n  ${leaveMark("reads the index's credentials")}`
    stage.offer('app', sdistBuiltBy(app, { text: backendModule(app, { extra }) }))
    return await stage.install('app', { env })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
