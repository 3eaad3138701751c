import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { machineTrusting } from '../guard/machine.ts'
import type { Machine } from '../guard/machine.ts'
import { terminal, workFolder } from '../clients/scene.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

/** The whole way: somebody is refused, asks from their machine, somebody decides on the server, and it is given out. */

const file = buildWheel({ name: 'demo', version: '1.5' })
let upstream: Simulator
let server: RunningServer
let machine: Machine
let folder: Awaited<ReturnType<typeof workFolder>>
before(async () => {
  upstream = await startSimulator()
  upstream.addProject({
    name: 'demo',
    files: [{ filename: file.filename, bytes: file.bytes, uploadTime: '2024-03-01T12:00:00.000000Z' }],
  })
  // Its own configuration: whoever works on the folder takes the same.
  folder = await workFolder()
  writeFileSync(join(folder.path, 'waxseal.toml'), '[[names.unclaimed]]\npattern = "*"\nmode = "approve"\n')
  server = await startWaxseal({
    upstreams: new Map([['upstream', upstream.simpleUrl]]),
    dataDir: folder.path,
  })
  machine = await machineTrusting(server.url)
})
after(async () => {
  await machine?.[Symbol.asyncDispose]()
  await server?.stop()
  await folder?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
})

const run = (...args: readonly string[]): Promise<string> => runWaxseal([...args, '--data', server.dataDir])
const download = async (): Promise<Response> => await fetch(`${server.url}/files/demo/${file.sha256}/${file.filename}`)

test('a request goes from the refused machine to those who decide, and its answer back', async () => {
  await (await fetch(`${server.url}/simple/demo/`)).text()
  const refused = await download()
  assert.match(refused.statusText, /Ask for it: waxseal request demo==1\.5/)
  const asked = await machine.waxseal(['request', 'demo==1.5', '--reason', 'for the build'])
  assert.equal(asked.code, 0, terminal(asked))
  assert.match(asked.stdout, new RegExp(`Asked ${server.url} for demo==1.5 \\(1 file\\): request 1\\.`))
  assert.ok(asked.stdout.includes(file.sha256))
  const again = await machine.waxseal(['request', 'demo==1.5', '--json'])
  assert.deepEqual([JSON.parse(again.stdout).id, JSON.parse(again.stdout).isNew], [1, false])

  assert.match(await run('requests', 'list'), /1 +demo==1\.5 +1 +open +somebody at 127\.0\.0\.1 .*for the build/)
  assert.match(await run('requests', 'show', '1'), new RegExp(`${file.sha256} +${file.filename} .*need an approval`))
  assert.match(await run('requests', 'approve', '1'), /^Request 1 is approved, of demo: \(snapshot/)
  assert.match(await run('requests', 'list'), /Nobody waits/)
  assert.match(await run('requests', 'list', '--all'), /approved/)
  assert.equal((await download()).status, 200)
})

test('a request is declined, and of an index that is not trusted asked with its address and token', async () => {
  const reader = await server.createToken({ scope: 'read' })
  const path = join(machine.folder, 'token')
  writeFileSync(path, `${reader}\n`, { mode: 0o600 })
  const asked = await machine.waxseal(['request', 'other', '--index', `${server.url}/simple/`, '--token-file', path])
  assert.equal(asked.code, 0, terminal(asked))
  assert.match(await run('requests', 'show', '2'), /^Request 2: other, asked by .*\n.*No file of it was known/)
  await assert.rejects(run('requests', 'decline', '2'), /--reason/)
  assert.match(await run('requests', 'decline', '2', '--reason', 'no such project'), /^Request 2 is declined/)
  assert.match(await run('requests', 'show', '2'), /It is declined, by operator, .*: no such project/)
  await assert.rejects(run('requests', 'approve', '2'), /is declined already by operator/)
  await assert.rejects(run('requests', 'show', '99'), /There is no request 99/)
  const wrong = await machine.waxseal(['request', '../x'])
  assert.equal(wrong.code, 2, terminal(wrong))
})
