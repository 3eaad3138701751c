import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import { addressOf, until } from '../support/behind-upstream.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import type { Run } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage, spooledFiles } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'

/** Like a container of its own: the first process there, and none of the others can be seen. */
const APART = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const [UNSHARE = '', ...FLAGS] = APART
const possible = spawnSync(UNSHARE, [...FLAGS, 'true']).status === 0
const TWO_HOURS_MS = 2 * 3_600_000

/** An upload whose client stops half-way; `rest` sends what is missing, and gives the answer's first line. */
async function halfUploaded(server: RunningServer, file: Distribution): Promise<{ rest(): Promise<string> }> {
  const { body, contentType } = multipart(file)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  const head = [
    'POST /legacy/ HTTP/1.1',
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${server.token}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body.subarray(0, 200_000))
  await until(
    () => spooledFiles(server.dataDir),
    (files) => files.length === 1,
  )
  return {
    async rest() {
      socket.write(body.subarray(200_000))
      await once(socket, 'close')
      return answer.split('\r\n')[0] ?? ''
    },
  }
}

void test('servers that see nothing of each other share a blob folder: a slow upload stays, what a dead one left goes', async (t) => {
  if (!possible) {
    const advice = 'a process cannot be put into a pid namespace of its own here: it takes root and util-linux'
    if (process.env['CI'] !== undefined) throw new Error(advice)
    return t.skip(advice)
  }
  await using parts = new AsyncDisposableStack()
  const postgres = parts.use(await startEmbeddedPostgres())
  const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-apart-'))
  parts.defer(() => rm(dataDir, { recursive: true, force: true }))
  const env = { WAXSEAL_DATABASE: await postgres.createDatabase() }
  // `unshare` hands on no SIGTERM: what is started through it is killed.
  const start = async (): Promise<RunningServer> =>
    parts.adopt(await startWaxseal({ dataDir, env, args: ['--no-upstream'], through: APART }), (one) => one.kill9())
  const collect = async (...options: readonly string[]): Promise<unknown> => {
    const run: Run = await waxsealCommand(['gc', '--data', dataDir, '--json', ...options], { env, through: APART })
    return documentOf(run)['leftovers']
  }
  const file = buildWheel({ name: 'slow', version: '1.0', module: '#'.repeat(500_000) })

  const first = await start()
  const slow = await halfUploaded(first, file)
  const second = await start()
  assert.deepEqual(await collect(), { files: 0, bytes: 0 })
  assert.equal(await slow.rest(), 'HTTP/1.1 200 OK')
  assert.deepEqual((await ask(`${second.url}${addressOf('slow', file)}`)).body, file.bytes)

  await halfUploaded(first, buildWheel({ name: 'never', version: '1.0', module: '#'.repeat(500_000) }))
  await first.kill9()
  const [left = ''] = await spooledFiles(dataDir)
  assert.deepEqual(await collect(), { files: 0, bytes: 0 }, 'nobody here can know yet that it is dead')
  const longAgo = new Date(Date.now() - TWO_HOURS_MS)
  await utimes(join(dataDir, 'spool', left), longAgo, longAgo)
  assert.equal(((await collect('--dry-run')) as { files: number }).files, 1)
  assert.equal(((await collect()) as { files: number }).files, 1)
  await assertSoundStorage(dataDir)
  assertNoServerFault(second)
})
