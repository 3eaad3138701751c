import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'

let server: RunningServer
before(async () => {
  server = await startWaxseal({ upstreams: new Map([['sim', 'http://127.0.0.1:9/simple/']]) })
})
after(() => server[Symbol.asyncDispose]())

const run = (...args: readonly string[]) => waxsealCommand([...args, '--data', server.dataDir])

it('a name is quarantined, listed, and lifted, in words that give the number', async () => {
  const made = await run('quarantine', 'Acme_App', '--reason', 'being looked at', '--until', '2099-01-31T12:00:00Z')
  assert.match(made.stdout, /^Acme_App is quarantined \(snapshot \d+, denial 1\)\n$/)
  assert.match(
    (await run('denials')).stdout,
    /1 +acme-app +quarantined until 2099-01-31T12:00:00\.000Z .* operator +being looked at/,
  )
  assert.match((await run('lift', '1', '--reason', 'harmless')).stdout, /^Denial 1 is lifted \(snapshot \d+\)\n$/)
  assert.equal((await run('denials')).stdout, 'Nothing is quarantined or blocked.\n')
  assert.match((await run('denials', 'acme-app', '--all')).stdout, /lifted by operator/)
})

it('what is not meant clearly is wrong use, and what is not there is refused', async () => {
  for (const [args, exit] of [
    [['quarantine', '--reason', 'r'], 2],
    [['lift', 'one', '--reason', 'r'], 2],
    [['lift', '99', '--reason', 'r'], 1],
    [['block', '--sha256', '0'.repeat(64), '--reason', 'r'], 1],
    [['quarantine', 'x', '--until', 'tomorrow', '--reason', 'r'], 1],
    [['approve', 'nowhere==1.0'], 1],
  ] as const) {
    const { code, stderr } = await run(...args)
    assert.equal(code, exit, `${args.join(' ')}: ${stderr}`)
  }
})

it('a claimed name is merged and parted again', async () => {
  const rule = ['--owner', 'local', '--extender', 'sim', '--extend', 'platform-wheels', '--reason', 'more platforms']
  assert.equal((await run('merge', 'both', ...rule)).code, 1)
  assert.equal((await run('project', 'claim', 'both')).code, 0)
  assert.match((await run('merge', 'both', ...rule)).stdout, /^both is merged from local and sim \(snapshot/)
  assert.match((await run('why', 'both')).stdout, /two sources, by a recorded decision: it belongs to this index/)
  assert.equal(documentOf(await run('unmerge', 'both', '--reason', 'enough', '--json'))['changed'], true)
  assert.match((await run('why', 'both')).stdout, /Merged no more, and goes on with local alone: enough/)
})
