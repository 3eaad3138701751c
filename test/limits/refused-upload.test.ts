import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import { multipart } from '../support/upload-stream.ts'

void test('an upload that is refused before it has come is answered, whatever its client does with the connection', async () => {
  await using server = await startWaxseal({ args: ['--no-upstream'] })
  const file = buildWheel({ name: 'large', version: '1.0', module: randomBytes(3_000_000).toString('hex') })
  const { body, contentType } = multipart(file)
  for (const connection of ['close', 'keep-alive']) {
    for (let times = 0; times < 15; times++) {
      const headers = { authorization: 'Bearer wrong', 'content-type': contentType, connection }
      const reply = await ask(`${server.url}/legacy/`, { method: 'POST', headers, body })
      assert.ok(reply.status === 403 || reply.status === 429, `${connection}: ${reply.status}`)
      assert.ok(reply.complete)
    }
  }
})
