import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Denial, SignedDefault } from '@waxseal/index/names'
import { terminal } from '../clients/scene.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { nameRecord, SINCE } from '../support/name-record.ts'
import { intoTarget, machineTrusting } from './machine.ts'
import { SignedWorld } from './signed-world.ts'

const DAY_MS = 86_400_000

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'is told on the screen which rule keeps a package back, and the way out', async (client) => {
    await using world = await SignedWorld.start()
    const wheel = (name: string) => world.wheel({ name, version: '1.0' })
    const [denied, reserved, claimed] = [wheel('six'), wheel('acme-tool'), wheel('acme-app')]
    const [approving, young] = [wheel('vetted-lib'), wheel('attrs')]
    const blocked: Denial = { n: 3, project: 'six', overlay: 'blocked', reason: 'it steals keys', since: SINCE }
    const record = nameRecord('acme-app')
    const defaults: SignedDefault = {
      rev: 1,
      unclaimed: [{ pattern: 'vetted-*', mode: 'approve' }],
      cooldown: 3 * (DAY_MS / 1000),
      approvals: 1,
    }
    const namespace = { name: 'acme', owner: 'core', visibility: 'private', claims: 'offline', since: SINCE } as const
    await world.holders({ namespaces: { rev: 1, namespaces: [namespace] }, defaults })
    const uploadTime = new Date(Date.now() - DAY_MS).toISOString()
    for (const file of [denied, reserved, claimed, approving, young]) {
      const source = file === claimed ? 'local' : 'pypi'
      await world.server({ page: { project: file.name, source, files: [{ file, uploadTime }] } })
    }
    await world.server({ claimed: record, denied: { project: 'six', entries: [blocked] } })
    await using machine = await machineTrusting(world.url)
    for (const [name, expected] of [
      ['six', /refused \(denied\): six is blocked since 2026-03-01 \(denial 3\): it steals keys\. .*until the record/],
      ['acme-tool', /refused \(name-refused\): acme-tool is reserved: .*namespace acme of core.*waxseal project claim/],
      ['acme-app', /refused \(name-refused\): acme-app is claimed but not sealed.*waxseal seal/],
      ['vetted-lib', /refused \(name-refused\): .*\(vetted-\*: approve\).*waxseal request vetted-lib/],
      ['attrs', /withheld attrs-1\.0-py3-none-any\.whl \(file-cooldown\): .*3 days old.*waxseal request attrs==1\.0/],
    ] as const) {
      const args = intoTarget(join(machine.folder, 'site'), name)
      const outcome = await machine.waxseal(['run', '--', client.python, '-m', 'pip', ...args])
      assert.equal(outcome.code, 1, terminal(outcome))
      assert.match(terminal(outcome), expected)
    }
  })

  clientTest(wanted, 'says itself why a package that depends on an address is not handed on', async (client) => {
    await using world = await SignedWorld.start()
    const app = world.wheel({ name: 'six', version: '1.0', requires: ['evil @ svn+https://evil.example/evil'] })
    await world.server({ page: { project: 'six', source: 'pypi', files: [{ file: app }] } })
    await using machine = await machineTrusting(world.url)
    const args = intoTarget(join(machine.folder, 'site'), 'six')
    const outcome = await machine.waxseal(['run', '--', client.python, '-m', 'pip', ...args])
    assert.equal(outcome.code, 1, terminal(outcome))
    assert.match(
      outcome.stderr,
      /ERROR: .*waxseal: requirement-refused: six-1\.0-py3-none-any\.whl depends on an address/,
    )
  })
}
