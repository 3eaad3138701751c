import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'DC-19',
  title: 'a private name that is told to the outside',
  capability: 'UPX',
  means: 'reads what the upstream is asked for',
  columns: ['bare', 'two', 'guard'],
  wanted: ['acme-tool 1.0'],
  async play(stage) {
    await stage.publish({ name: 'acme-tool', version: '1.0' })
    const attempt = await stage.install('acme-tool')
    const told = stage.upstream.requestsFor(`/simple/${stage.name('acme-tool')}/`).length > 0
    return told ? { ...attempt, ran: ['tells the other index the name'] } : attempt
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
