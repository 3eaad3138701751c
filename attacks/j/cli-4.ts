import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'CLI-4',
  title: 'other bytes in the cache of files',
  capability: 'CLI',
  means: "writes into the user's caches",
  wanted: ['app 1.0'],
  async play(stage) {
    const honest = await stage.publish({ name: 'app', version: '1.0' })
    // pip keeps what comes over HTTPS, or from a host that it was told to trust.
    const env = { PIP_TRUSTED_HOST: '127.0.0.1' }
    await stage.install('app', { env })
    await stage.user.poisonCaches(honest, stage.evil({ name: 'app', version: '1.0' }))
    return await stage.install('app', { env })
  },
  guard: { holds: 'installs', defence: 'cache-rehash' },
}
