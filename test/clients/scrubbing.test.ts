import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { terminal, workFolder } from './scene.ts'

const ELSEWHERE = 'http://127.0.0.1:9/elsewhere'
const HOSTILE = { PIP_EXTRA_INDEX_URL: `${ELSEWHERE}/a`, PIP_FIND_LINKS: `${ELSEWHERE}/b`, UV_INDEX: `${ELSEWHERE}/c` }

const kept = new Map<string, string | undefined>()
before(() => {
  for (const [name, value] of Object.entries(HOSTILE)) {
    kept.set(name, process.env[name])
    process.env[name] = value
  }
})
after(() => {
  for (const [name, value] of kept) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'would obey this machine, were it not scrubbed', async (pip) => {
    await using work = await workFolder()
    mkdirSync(join(work.path, '.config/pip'), { recursive: true })
    writeFileSync(join(work.path, '.config/pip/pip.conf'), `[global]\nindex-url = ${ELSEWHERE}/d\n`)
    const { PATH } = process.env
    const env = { PATH, HOME: work.path, ...HOSTILE }
    const unscrubbed = spawnSync(pip.python, ['-m', 'pip', 'config', 'list'], { env, encoding: 'utf8' })
    for (const letter of ['a', 'b', 'd'])
      assert.ok(unscrubbed.stdout.includes(`${ELSEWHERE}/${letter}`), unscrubbed.stdout)
  })

  clientTest(wanted, 'sees no index, link or file of this machine', async (pip) => {
    await using work = await workFolder()
    const outcome = await pip.run(['config', 'list'], { cwd: work.path })
    const lines = outcome.stdout.split('\n').filter((line) => line !== '' && !line.startsWith(':env:.'))
    assert.deepEqual(lines, [], terminal(outcome))
    assert.doesNotMatch(outcome.stdout, /index|links|elsewhere/)
  })

  clientTest(wanted, 'runs into the tripwire when it leaves loopback', async (pip) => {
    await using work = await workFolder()
    const args = ['download', 'anything', '--retries', '0', '--index-url', 'https://index.invalid/simple/']
    const outcome = await pip.run(args, { cwd: work.path })
    assert.notEqual(outcome.code, 0)
    assert.ok(
      outsideRequests().some((request) => request.includes('index.invalid')),
      outsideRequests().join('\n'),
    )
  })
}
