import { backendModule, sdistBuiltBy, leaveMark } from '../sdist.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'BD-3',
  title: 'what an sdist asks for only while it is built',
  capability: 'UPS',
  means: 'publishes under the name of a build dependency',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    const [app, build] = [{ name: stage.name('acme-tool'), version: '1.0' }, stage.name('acme-build')]
    const extra = `try:\n  import ${build.replaceAll('-', '_')}\nexcept ImportError: pass`
    await stage.publish({ name: 'acme-build', version: '1.0' })
    await stage.upload(sdistBuiltBy(app, { text: backendModule(app, { extra, buildRequires: [build] }) }))
    const module = leaveMark('runs what the attacker builds with')
    stage.offer('acme-build', stage.evil({ name: 'acme-build', version: '9.0', module }))
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
