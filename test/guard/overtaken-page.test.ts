import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { addTrust, fetchRoot, openGuard } from '@waxseal/guard'
import { startScene, upload } from '../clients/scene.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startTrickle } from './trickle.ts'

test('a page that was on its way while the guard came to know a newer snapshot is no lie of the index', async () => {
  await using scene = await startScene()
  await using slow = await startTrickle(scene.server.url, '/simple/acme-app/')
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-overtaken-'))
  const home = { trust: join(folder.path, 'trust'), cache: join(folder.path, 'cache') }
  const about = { url: slow.url, addedAt: new Date().toISOString(), rootFrom: 'index' } as const
  const options = { authorization: undefined, env: {}, now: Date.now }
  const trusted = await addTrust(home, about, await fetchRoot(slow.url, {}), options)
  await using guard = await openGuard({ home, trusted, env: {}, now: Date.now })

  const underWay = guard.index.page('acme-app')
  await slow.halfWay
  const newer = buildWheel({ name: 'acme-app', version: '2.0' })
  await upload(scene.server, newer)
  await upload(scene.server, buildWheel({ name: 'alpha-dep', version: '2.0' }))
  const other = await guard.index.page('alpha-dep')
  slow.release()
  const page = await underWay

  assert.ok(page !== undefined && other !== undefined && page.snapshot >= other.snapshot)
  assert.ok(
    page.files.some(({ sha256 }) => sha256 === newer.sha256),
    'what is signed now is what is offered',
  )
  assert.deepEqual(guard.document().notes, [])
})
