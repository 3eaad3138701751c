import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { assertSuccess, terminal, workFolder } from './scene.ts'

/** What pip shows of names and files that are not given out, decided by commands beside the running server. */

const old = buildWheel({ name: 'demo', version: '1.0' })
const bad = buildWheel({ name: 'demo', version: '1.1', module: 'EVIL = 1\n' })
const young = buildWheel({ name: 'demo', version: '2.0', module: 'WHERE = 2\n' })
const looked = buildWheel({ name: 'strict-demo', version: '1.0' })
const DAYS_AGO = new Date(Date.now() - 86_400_000).toISOString()

let upstream: Simulator
let server: RunningServer
before(async () => {
  upstream = await startSimulator()
  const at = (file: typeof old, uploadTime = '2024-03-01T12:00:00.000000Z') => ({
    filename: file.filename,
    bytes: file.bytes,
    uploadTime,
    metadata: Buffer.from(file.metadata),
  })
  upstream.addProject({ name: 'demo', files: [at(old), at(bad), at(young, DAYS_AGO)] })
  upstream.addProject({ name: 'strict-demo', files: [at(looked)] })
  server = await startWaxseal({
    upstreams: new Map([['sim', upstream.simpleUrl]]),
    env: { WAXSEAL_NAMES_COOLDOWN_DAYS: '3', WAXSEAL_NAMES_UNCLAIMED: 'strict-*=approve' },
  })
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'pip asked another host than the index')
})

const waxseal = async (...args: readonly string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await runWaxseal([...args, '--data', server.dataDir, '--json'])) as Record<string, unknown>
const address = (file: typeof old): string => `${server.url}/files/${file.name}/${file.sha256}/${file.filename}`

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'COOL-5: falls back from a young file, and prints why to who insists on it', async (pip) => {
    await using work = await workFolder()
    const install = (what: string) =>
      pip.run(['install', '--no-cache-dir', what, '--target', 'out', '--index-url', `${server.url}/simple/`], {
        cwd: work.path,
      })
    const fallen = await install('demo')
    assertSuccess(fallen)
    assert.match(terminal(fallen), /Successfully installed demo-1\.1/)
    const insisting = await install('demo==2.0')
    assert.equal(insisting.code, 1)
    assert.match(terminal(insisting), /withheld until .* UTC: files of upstreams have to be 3 days old here/)
    assert.match(terminal(insisting), /403 Client Error/)
  })

  clientTest(
    wanted,
    'does not get what is blocked, neither by a lock with hashes nor by its old address',
    async (pip) => {
      await using work = await workFolder()
      const install = (...args: readonly string[]) =>
        pip.run(
          [
            'install',
            '--no-cache-dir',
            '--target',
            'out',
            '--upgrade',
            ...args,
            '--index-url',
            `${server.url}/simple/`,
          ],
          { cwd: work.path },
        )
      const byLock = (line: string) => {
        writeFileSync(join(work.path, 'lock.txt'), line)
        return install('--no-deps', '--require-hashes', '--requirement', 'lock.txt')
      }
      const hash = `--hash=sha256:${bad.sha256}`
      assertSuccess(await byLock(`demo @ ${address(bad)} ${hash}\n`))
      const denied = await waxseal('block', 'demo==1.1', '--reason', 'steals tokens; use 1.0')
      const [number] = denied['denials'] as readonly number[]

      const byAddress = await byLock(`demo @ ${address(bad)} ${hash}\n`)
      assert.equal(byAddress.code, 1)
      assert.match(
        terminal(byAddress),
        new RegExp(
          `403 Client Error: .*demo 1\\.1 is blocked since .* \\(denial ${number}\\): steals tokens; use 1\\.0`,
        ),
      )
      const byName = await byLock(`demo==1.1 ${hash}\n`)
      assert.equal(byName.code, 1)
      assert.match(terminal(byName), /No matching distribution found for demo==1\.1/)
      const other = await install('demo')
      assertSuccess(other)
      assert.match(terminal(other), /Successfully installed demo-1\.0/)

      const listed = (await waxseal('denials', 'demo'))['denials'] as readonly { readonly n: number }[]
      assert.deepEqual(
        listed.map(({ n }) => n),
        [number],
      )
      assert.equal((await waxseal('lift', String(number), '--reason', 'a mistake'))['changed'], true)
      assertSuccess(await byLock(`demo==1.1 ${hash}\n`))
    },
  )

  clientTest(
    wanted,
    'is told how to ask for a file that needs an approval, and gets it once its bytes are approved',
    async (pip) => {
      await using work = await workFolder()
      const install = () =>
        pip.run(
          ['install', '--no-cache-dir', 'strict-demo==1.0', '--target', 'out', '--index-url', `${server.url}/simple/`],
          {
            cwd: work.path,
          },
        )
      const refused = await install()
      assert.equal(refused.code, 1)
      assert.match(terminal(refused), /need an approval here\. Ask for it: waxseal request strict-demo==1\.0/)
      const approved = await waxseal('approve', 'strict-demo==1.0')
      assert.deepEqual(approved['files'], [{ filename: looked.filename, sha256: looked.sha256 }])
      assertSuccess(await install())
      assert.equal((await waxseal('unapprove', 'strict-demo==1.0'))['changed'], true)
      await using again = await workFolder()
      const after = await pip.run(
        ['install', '--no-cache-dir', 'strict-demo==1.0', '--target', 'out', '--index-url', `${server.url}/simple/`],
        { cwd: again.path },
      )
      assert.equal(after.code, 1)
    },
  )
}
