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
    ]
    for (const [args, code] of refused) {
      const run = await here(...args)
      assert.equal(run.code, code, run.stderr)
    }
    assert.deepEqual(documentOf(await here('user', 'list'))['users'], [])
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
