import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockAt } from '../support/clock-at.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { CeremonyScene } from './ceremony-scene.ts'
import { Followers } from './followers.ts'

const DAY = 24 * 3_600_000
const PAGE = 'simple/acme-hello/index.json'

void test('a root that expires: who verifies is refused from then on, until its holders have renewed it, however late', async () => {
  const start = Date.now()
  await using scene = await CeremonyScene.open()
  const anna = await scene.holder('anna')
  await scene.first([anna], 1)
  await using clients = await (async () => {
    await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
    const followers = await Followers.of(server.url)
    await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))
    assert.notEqual((await followers.verify(server.url, PAGE)).sha256, null)
    return followers
  })()

  scene.env = clockAt(start + 100 * DAY)
  const early = await scene.refused('ceremony', 'begin', '--data', scene.data, '--renew')
  assert.match(early.message, /nothing would change/)
  scene.env = clockAt(start + 200 * DAY)
  const { ceremony } = await scene.done('ceremony', 'begin', '--data', scene.data, '--renew')
  assert.equal((ceremony as { readonly roles: readonly string[] }).roles.length, 1 + 1 + 256 + 1)
  await scene.done('ceremony', 'abandon', '--data', scene.data)

  const late = start + 370 * DAY
  scene.env = clockAt(late)
  await using server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'], env: clockAt(late) })
  const upload = await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.1' }))
  assert.equal(upload.status, 200, 'who does not verify notices nothing')
  assert.equal(await clients.refuse(server.url, PAGE, late), 'expired')

  await scene.ceremony(['--renew'], [anna])
  const { root, sha256 } = await clients.verify(server.url, PAGE, late + DAY / 4)
  assert.equal(root, 2)
  assert.notEqual(sha256, null)
})
