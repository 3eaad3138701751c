import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-12',
  title: 'a page that redirects to the other index',
  capability: 'NET',
  means: 'redirects one page',
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    stage.offer('acme-tool', stage.evil({ name: 'acme-tool', version: '99.0' }))
    const to = `${stage.upstream.simpleUrl}${stage.name('acme-tool')}/`
    stage.mirror.fail(/^\/simple\//, { kind: 'redirect', to })
    return await stage.install('acme-tool')
  },
  guard: { holds: 'installs', defence: 'signatures' },
}
