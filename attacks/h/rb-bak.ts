import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carryKeys } from '../../test/support/carry-keys.ts'
import { runWaxseal, startWaxseal } from '../../test/support/server.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'RB-BAK',
  title: 'an index that was restored from a backup of before what its users have seen',
  capability: 'FLT',
  means: 'restores a backup as it is written down',
  wanted: ['app 1.0'],
  denies: true,
  async play(stage) {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-attack-'))
    const [backup, restored] = [join(folder.path, 'backup'), join(folder.path, 'restored')]
    await stage.publish({ name: 'app', version: '1.0' })
    await stage.administer('backup', backup)
    await stage.publish({ name: 'other', version: '1.0' })
    await stage.install('other')
    await carryKeys(stage.dataDir, restored)
    await runWaxseal(['restore', backup, '--data', restored])
    await using server = await startWaxseal({ args: ['--config', stage.config], dataDir: restored })
    stage.mirror.turnTo(server.url)
    return await stage.install('app')
  },
  guard: { holds: 'index' },
}
