import { theOnly, withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-url',
  title: 'a page that sends clients to another host',
  capability: 'SRV',
  means: 'signs a page with all online keys',
  wanted: ['app 1.0'],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    host.addAnswer(`/${file.filename}`, { body: file.bytes })
    await stage.forge('app', (page) => withOnly(page, { ...theOnly(page), url: `${host.url}/${file.filename}` }))
    const attempt = await stage.install('app')
    return host.requests.length === 0 ? attempt : { ...attempt, ran: ["fetches from the attacker's host"] }
  },
  guard: { holds: 'installs', defence: 'rendering' },
}
