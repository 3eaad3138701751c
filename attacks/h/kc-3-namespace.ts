import { NAMESPACES_TARGET, writeNamespaceList } from '@waxseal/index/names'
import { claim, recordOf } from '../decided.ts'
import { fromSource, withOnly } from '../page.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  id: 'KC-3-namespace',
  title: 'a name in a namespace of the company, which nobody has sealed',
  capability: 'SRV',
  means: 'signs a page and a record with all online keys',
  wanted: [],
  async play(stage) {
    const file = await stage.publish({ name: 'app', version: '1.0' })
    const name = stage.name('app')
    const since = '2026-03-01T12:00:00Z'
    const namespace = { name, owner: 'core', visibility: 'private', claims: 'offline', since } as const
    const list = writeNamespaceList({ rev: 1, namespaces: [namespace] })
    await stage.decide('targets', NAMESPACES_TARGET, list, await stage.holder())
    const evil = stage.evil({ name: 'app', version: '2.0' })
    await claim(stage, recordOf(name, { files: [file, evil] }))
    await stage.forge('app', (page) => fromSource(withOnly(page, stage.plant(evil)), 'local'))
    return await stage.install('app')
  },
  guard: { holds: 'name-refused', defence: 'name-rules' },
}
