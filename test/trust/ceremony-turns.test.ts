import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startWaxseal } from '../support/server.ts'
import { stoppingCommand } from '../support/stopping-command.ts'
import { CeremonyScene } from './ceremony-scene.ts'

const NEXT_KEY = /timestamp\.pem\.next$/

describe('commands of a ceremony beside each other', () => {
  it('begin one: the other is refused, and has touched neither its request nor its keys', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    const begin = ['ceremony', 'begin', '--data', scene.data, '--all-online', 'new', '--json']
    const runs = await Promise.all([scene.run(...begin), scene.run(...begin), scene.run(...begin)])
    assert.deepEqual(runs.map(({ code }) => String(code)).toSorted(), ['0', '1', '1'])
    const request = join(scene.data, 'ceremony/request.json')
    await scene.import(await scene.sign(request, anna))
    const { replaced } = await scene.publish()
    assert.deepEqual(replaced, ['timestamp', 'snapshot', 'deny', 'names', 'select', 'pages'])
    await using _server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
  })

  it('give up nothing that another is about to publish, and no key that root names is deleted', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    await scene.import(await scene.sign(await scene.begin('--online', 'timestamp=new'), anna))
    const abandon = ['ceremony', 'abandon', '--data', scene.data]
    const published = Promise.withResolvers<void>()
    let abandoned: Promise<unknown> = Promise.resolve()
    await stoppingCommand(['ceremony', 'publish', '--data', scene.data], { at: [NEXT_KEY] }, async () => {
      const came = Promise.withResolvers<void>()
      abandoned = stoppingCommand(abandon, { at: [/\.ceremony\.lock$/] }, async () => {
        came.resolve()
        await published.promise
      })
      abandoned.catch(() => undefined)
      await Promise.race([came.promise, abandoned])
    })
    published.resolve()
    await assert.rejects(abandoned, /No ceremony has begun/)
    assert.ok(!existsSync(join(scene.data, 'keys/timestamp.pem.next')))
    await using _server = await startWaxseal({ dataDir: scene.data, args: ['--no-upstream'] })
  })

  it('go on when the one before was killed', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    const begin = ['ceremony', 'begin', '--data', scene.data, '--online', 'timestamp=new']
    const killed = stoppingCommand(begin, { at: [NEXT_KEY] }, async (where) => Promise.reject(new Error(where)))
    await assert.rejects(killed, NEXT_KEY)
    await scene.import(await scene.sign(await scene.begin('--online', 'timestamp=new'), anna))
    assert.deepEqual((await scene.publish())['replaced'], ['timestamp'])
  })

  it('say of one that is out already that it cannot be given up', async () => {
    await using scene = await CeremonyScene.open()
    const anna = await scene.holder('anna')
    await scene.first([anna], 1)
    await scene.import(await scene.sign(await scene.begin('--online', 'timestamp=new'), anna))
    const request = await readFile(join(scene.data, 'ceremony/request.json'))
    await scene.publish()
    // As a publish leaves it that is killed behind its transaction.
    await mkdir(join(scene.data, 'ceremony'))
    await writeFile(join(scene.data, 'ceremony/request.json'), request)
    const { message } = await scene.refused('ceremony', 'abandon', '--data', scene.data)
    assert.match(message, /is published already, and cannot be given up/)
    assert.equal((await scene.publish())['root'], 2)
  })
})
