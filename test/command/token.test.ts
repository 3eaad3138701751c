import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { indexDefaults, openAdministration } from '@waxseal/index'
import { documentOf, waxsealCommand } from '../support/command.ts'
import type { Run } from '../support/command.ts'

describe('waxseal token', () => {
  let data: string
  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'waxseal-token-'))
    await (await openAdministration(indexDefaults(data)))[Symbol.asyncDispose]()
  })
  after(() => rm(data, { recursive: true, force: true }))
  const here = (...args: readonly string[]): Promise<Run> => waxsealCommand([...args, '--data', data, '--json'])

  it('create leaves no user behind when it refuses', async () => {
    const create = ['token', 'create', '--scope', 'read']
    const refused: readonly (readonly [readonly string[], number])[] = [
      [[...create, '--user', 'ghost', '--label', 'two\nlines'], 1],
      [[...create, '--user', 'Ghost'], 1],
      [[...create, '--user', 'ghost', '--expires', '2001-01-01'], 2],
      [[...create, '--user', 'ghost', '--project', 'bad!'], 2],
      // There is no such day, and no such hour.
      [[...create, '--user', 'ghost', '--expires', '2127-02-31'], 2],
      [[...create, '--user', 'ghost', '--expires', '2127-02-28T25:00:00Z'], 2],
      [[...create, '--user', 'ghost', '--expires', 'tomorrow 2127'], 2],
    ]
    for (const [args, code] of refused) {
      const run = await here(...args)
      assert.equal(run.code, code, run.stderr)
    }
    assert.deepEqual(documentOf(await here('user', 'list'))['users'], [])
  })

  it('create takes the days of leap years, and times of any zone', async () => {
    const times = [
      ['2128-02-29', '2128-02-29T00:00:00.000Z'],
      ['2127-01-31T12:00:00Z', '2127-01-31T12:00:00.000Z'],
      ['2127-01-31T12:00:00.5+02:00', '2127-01-31T10:00:00.500Z'],
    ]
    for (const [expires = '', stored] of times) {
      const run = await here('token', 'create', '--scope', 'read', '--user', 'leap', '--expires', expires)
      assert.equal(documentOf(run)['expires_at'], stored)
    }
  })

  it('create makes the user of an admin token an administrator, and says so, but nobody who is there', async () => {
    const create = ['token', 'create', '--user', 'ci', '--scope', 'admin', '--project', 'p-0']
    const users = async () =>
      documentOf(await here('user', 'list'))['users'] as readonly { readonly name: string; readonly admin: boolean }[]
    await here('token', 'create', '--user', 'ci', '--scope', 'upload')
    assert.equal((await here(...create)).code, 1)
    assert.equal((await users()).find(({ name }) => name === 'ci')?.admin, false)
    const words = ['token', 'create', '--user', 'chief', '--scope', 'admin', '--project', 'p-0', '--data', data]
    assert.match((await waxsealCommand(words)).stdout, /^Made the user chief, an administrator\.\n/)
    assert.equal((await users()).find(({ name }) => name === 'chief')?.admin, true)
    assert.equal(
      typeof documentOf(await here('token', 'create', '--user', 'chief', '--scope', 'admin'))['token'],
      'string',
    )
  })

  it('list shows one user alone, and never the text of a token', async () => {
    const made = new Map<string, Record<string, unknown>>()
    for (const user of ['ann', 'bob']) {
      made.set(user, documentOf(await here('token', 'create', '--scope', 'read', '--user', user, '--label', 'CI')))
    }
    const run = await here('token', 'list', '--user', 'bob')
    const tokens = documentOf(run)['tokens'] as readonly { readonly id: string; readonly user: string }[]
    assert.deepEqual(
      tokens.map(({ id, user }) => [id, user]),
      [[made.get('bob')?.['id'], 'bob']],
    )
    assert.ok(!run.stdout.includes(String(made.get('bob')?.['token'])))
    assert.equal((await here('token', 'list', '--user', 'nobody')).code, 1)
  })
})
