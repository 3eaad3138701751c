import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { cleanEnvironment } from '../support/command.ts'
import { stepsOf, walk } from '../support/walk.ts'
import { Followers } from './followers.ts'

const PAGE = 'simple/acme-hello/index.json'
const URL_OF_INDEX = 'http://127.0.0.1:8432'

void test('the runbook of docs/keys.md, word for word in one shell, and clients follow it', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/keys.md'), 'utf8')
  const steps = stepsOf(page, 'Runbook')
  assert.ok(steps.length > 50, `${steps.length} commands`)
  await using parts = new AsyncDisposableStack()
  let clients: Followers | undefined
  let root = 0
  await walk(steps, {
    env: () => ({ ...cleanEnvironment(), PATH: process.env['PATH'] }),
    async after({ command }, said, where) {
      root = Number(/^Root version (\d+) holds/m.exec(said.join('\n'))?.[1] ?? root)
      if (command.startsWith('curl') && clients === undefined) clients = parts.use(await Followers.of(URL_OF_INDEX))
      if (clients !== undefined && command === 'waxseal ceremony publish --data index') {
        assert.deepEqual(await clients.verify(URL_OF_INDEX, PAGE), { sha256: null, root }, where)
      }
    },
  })
  assert.ok(root > 5 && clients !== undefined)
})
