import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'

let server: RunningServer
before(async () => {
  server = await startWaxseal({ upstreams: new Map() })
})
after(() => server?.stop())

const run = (...args: readonly string[]): Promise<string> => runWaxseal([...args, '--data', server.dataDir])
const json = async (...args: readonly string[]): Promise<unknown> => JSON.parse(await run(...args, '--json'))
const fails = (code: number, message: RegExp, ...args: readonly string[]): Promise<void> =>
  assert.rejects(run(...args), (error: Error) => {
    assert.match(error.message, new RegExp(`exited with ${code}`))
    assert.match(error.message, message)
    return true
  })

test('an operator makes up teams, claims a name for one, and hands it over', async () => {
  await run('user', 'create', 'alice')
  await run('user', 'create', 'bob')
  assert.match(await run('team', 'create', 'core'), /^Made the team core/)
  assert.match(await run('team', 'create', 'core'), /^Nothing to change/)
  await fails(1, /no team core with members/, 'project', 'claim', 'billing', '--owner', 'team:core')
  assert.match(await run('team', 'add', 'core', 'alice'), /^alice is in the team core/)
  assert.deepEqual(await json('team', 'list'), { teams: [{ name: 'core', members: ['alice'] }] })

  await run('project', 'claim', 'Billing', '--owner', 'team:core')
  assert.match(await run('project', 'add-member', 'billing', 'bob'), /^bob is maintainer of billing/)
  const holders = async (): Promise<readonly string[]> => {
    const { members } = (await json('project', 'members', 'billing')) as { members: { holder: string; role: string }[] }
    return members.map(({ holder, role }) => `${holder} ${role}`)
  }
  assert.deepEqual(await holders(), ['team:core owner', 'bob maintainer'])
  await fails(1, /needs an owner \(bob would be left\)/, 'project', 'remove-member', 'billing', 'team:core')

  assert.match(await run('project', 'transfer', 'billing', 'bob'), /^billing is offered to bob/)
  const { transfers } = (await json('project', 'transfers')) as { transfers: { project: string; to: string }[] }
  assert.deepEqual(
    transfers.map(({ project, to }) => [project, to]),
    [['billing', 'bob']],
  )
  assert.match(await run('project', 'accept', 'billing'), /^The transfer of billing is accepted/)
  assert.deepEqual(await holders(), ['bob owner'])
  await fails(1, /is not offered to anybody/, 'project', 'withdraw', 'billing')
  assert.match(await run('team', 'delete', 'core'), /^The team core is deleted/)
  await fails(1, /Nothing is recorded about nothing/, 'project', 'members', 'nothing')
  await fails(2, /team: and that of a team/, 'project', 'add-member', 'billing', 'No One')
})

test('an operator claims what nobody else may by saying so', async () => {
  await fails(1, /standard library.*--prohibited/, 'project', 'claim', 'json')
  assert.match(await run('project', 'claim', 'json', '--prohibited'), /^json is internal/)
  await fails(1, /cannot be told from 'json'.*--look-alike/, 'project', 'claim', 'js0n')
  assert.match(await run('project', 'claim', 'js0n', '--look-alike'), /^js0n is internal/)
})
