import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'API-REDIR',
  title: 'a file that is sent for to another host, credentials and all',
  capability: 'NET',
  means: 'redirects a file',
  wanted: ['app 1.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    const evil = stage.evil({ name: 'app', version: '1.0' })
    const host = await stage.elsewhere()
    host.addAnswer(`/${evil.filename}`, { body: evil.bytes })
    stage.mirror.fail(/\.whl$/, { kind: 'redirect', to: `${host.url}/${evil.filename}` })
    const attempt = await stage.install('app', { credentials: true })
    const told = host.requests.some(({ headers }) => headers.authorization !== undefined)
    return told ? { ...attempt, ran: ['tells another host the credentials'] } : attempt
  },
  guard: { holds: 'file-unverified', defence: 'file-hash' },
}
