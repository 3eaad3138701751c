import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { until } from './support/behind-upstream.ts'
import { documentOf, waxsealCommand } from './support/command.ts'
import { freePort } from './support/free-port.ts'
import { startWaxseal } from './support/server.ts'

interface Message {
  readonly type: string
  readonly data: { readonly id: number; readonly detail: Readonly<Record<string, unknown>> }
}

interface Listed {
  readonly name: string
  readonly publicKey: string
  readonly state: { readonly behind: number; readonly failingSince: string | null } | null
}

const EXAMPLE_KEY = 'whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g='
const PYTHON = '/usr/bin/python3'
const hasCryptography = spawnSync(PYTHON, ['-c', 'import cryptography']).status === 0

suite('webhooks of a running server', { skip: !hasCryptography && process.env['CI'] === undefined }, () => {
  const parts = new AsyncDisposableStack()
  let folder: string
  let dataDir: string
  let config: string
  let port: number

  const command = (...args: readonly string[]) =>
    waxsealCommand([...args, '--data', dataDir, '--config', config, '--json'])
  const listed = async (): Promise<readonly Listed[]> => {
    const run = await command('webhook', 'list')
    assert.equal(run.code, 0, run.stderr)
    return (documentOf(run) as { webhooks: readonly Listed[] }).webhooks
  }

  /** The very receiver that docs/operation.md shows. */
  async function startReceiver(publicKey: string) {
    const page = readFileSync(join(import.meta.dirname, '../docs/operation.md'), 'utf8')
    const script = /A receiver in Python:\n\n```python\n([^]*?)```/.exec(page)?.[1]
    assert.ok(script !== undefined, 'docs/operation.md shows no receiver')
    assert.ok(script.split('\n').filter((line) => line !== '').length <= 15)
    const path = join(folder, 'receiver.py')
    await writeFile(path, script)
    const child = spawn(PYTHON, [path, publicKey, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const messages: Message[] = []
    createInterface({ input: child.stdout }).on('line', (line) => messages.push(JSON.parse(line) as Message))
    const isUp = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      )
    assert.ok(await until(isUp, (up) => up), said)
    return {
      messages,
      said: () => said,
      async [Symbol.asyncDispose]() {
        const gone = once(child, 'close')
        child.kill()
        await gone
      },
    }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-webhooks-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    dataDir = join(folder, 'data')
    config = join(folder, 'waxseal.toml')
    port = await freePort()
    const hook = (name: string, more = '') => `[webhook.${name}]\nurl = "http://127.0.0.1:${port}/"\n${more}`
    const some = hook('some', 'events = ["user-created", "webhook-recovered"]\n')
    await writeFile(config, `[upstream]\n${some}${hook('other', 'events = ["backup-made"]\n')}`)
  })
  after(() => parts.disposeAsync())

  test('every event of its kinds arrives, in order, across an absent receiver and another start of the server', async () => {
    {
      await using server = await startWaxseal({ dataDir, args: ['--config', config] })
      await until(listed, (webhooks) => webhooks.every(({ state }) => state !== null))
      assert.equal((await command('user', 'create', 'anna')).code, 0)
      // Nobody listens yet.
      const [some] = await until(listed, ([first]) => first?.state?.failingSince !== null)
      assert.ok(some?.state?.failingSince)
      const refused = await command('webhook', 'test', 'some')
      assert.equal(refused.code, 3, refused.stdout)
      assert.match(String(documentOf(refused)['reason']), /cannot be reached \(ECONNREFUSED\)/)
      await server.stop()
    }
    assert.equal((await command('user', 'create', 'bert')).code, 0)
    const [some, other] = await listed()
    assert.ok(some !== undefined && other !== undefined && some.publicKey !== other.publicKey)
    const key = join(dataDir, 'keys', 'webhook-some.pem')
    assert.equal((await stat(key)).mode & 0o777, 0o600)
    await using receiver = await startReceiver(some.publicKey)
    await using _server = await startWaxseal({ dataDir, args: ['--config', config] })
    assert.equal((await command('user', 'create', 'carl')).code, 0)
    await until(
      async () => receiver.messages.length,
      (count) => count >= 4,
    )
    const users = receiver.messages.map(({ type, data }) => [type, data.detail['user']])
    assert.deepEqual(
      users,
      ['admin', 'anna', 'bert', 'carl'].map((user) => ['user-created', user]),
      receiver.said(),
    )

    const taken = await command('webhook', 'test', 'some')
    assert.equal(taken.code, 0, taken.stdout)
    assert.equal(receiver.messages.at(-1)?.type, 'webhook-test')
    const count = receiver.messages.length
    const strange = await command('webhook', 'test', 'other')
    assert.equal(strange.code, 3, "another webhook's key is not the one that this receiver trusts")
    assert.equal(receiver.messages.length, count)
    const unknown = await command('webhook', 'test', 'none')
    assert.equal(unknown.code, 1)
    assert.ok(!(await readFile(key, 'utf8')).includes(some.publicKey))
  })

  test('a message is verified by the command; one that was changed is not', async () => {
    const [hook] = await listed()
    assert.ok(hook !== undefined)
    const body = join(folder, 'body.json')
    await writeFile(body, '{"test": 2432232314}')
    const headers = ['--id', 'msg_p5jXN8AQM9LWM0D4loKWxJek', '--timestamp', '1614265330', '--signature']
    const signature = 'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=='
    const verify = (key: string) =>
      waxsealCommand(['webhook', 'verify', body, '--key', key, ...headers, signature, '--json'])
    // The public half of the key of the specification's own example.
    const right = await verify(EXAMPLE_KEY)
    assert.deepEqual(documentOf(right), { verified: true, signedAt: '2021-02-25T15:02:10.000Z' })
    assert.equal(right.code, 0)
    const wrong = await verify(hook.publicKey)
    assert.deepEqual([wrong.code, documentOf(wrong)['verified']], [1, false])
    await writeFile(body, '{"test": 2432232315}')
    assert.equal((await verify(EXAMPLE_KEY)).code, 1)
    assert.equal((await verify('whpk_short')).code, 2)
  })

  test('what waits can be given up, and a webhook that is configured no more is forgotten', async () => {
    await writeFile(config, `[upstream]\n[webhook.some]\nurl = "http://127.0.0.1:${port}/"\n`)
    assert.equal((await command('user', 'create', 'dora')).code, 0)
    assert.notEqual((await listed())[0]?.state?.behind, 0)
    assert.equal((await command('webhook', 'skip', 'some')).code, 0)
    assert.equal((await listed())[0]?.state?.behind, 0)
    assert.equal((await command('webhook', 'skip', 'other')).code, 0)
    assert.equal((await command('webhook', 'skip', 'other')).code, 1)
  })
})
