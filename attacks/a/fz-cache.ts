import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'FZ-CACHE',
  title: 'a page that says it is good for a year',
  capability: 'MIR',
  means: 'sends one page with a long Cache-Control, once',
  wanted: ['app 2.0'],
  async play(stage) {
    await stage.publish({ name: 'app', version: '1.0' })
    stage.mirror.alter(/^\/simple\//, (honest) => ({
      ...honest,
      headers: { ...honest.headers, 'cache-control': 'max-age=31536000', date: new Date().toUTCString() },
    }))
    // pip keeps what comes over HTTPS, or from a host that it was told to trust.
    const env = { PIP_TRUSTED_HOST: '127.0.0.1', PIP_INDEX_URL: stage.user.indexUrl }
    await stage.install('app', { env })
    stage.mirror.heal()
    await stage.publish({ name: 'app', version: '2.0' })
    return await stage.install('app', { env })
  },
  guard: { holds: 'installs', defence: 'clean-environment' },
}
