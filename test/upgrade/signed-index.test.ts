import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault } from '../support/storage-audit.ts'
import { uploadFile } from '../support/upload-form.ts'
import { unpackRelease } from './old-release.ts'
import { scratchFolder } from './scene.ts'

const JSON_PAGE = 'application/vnd.pypi.simple.v1+json'

async function uploads(server: RunningServer, version: string, all: readonly string[]): Promise<void> {
  const file = buildWheel({ name: 'acme-hello', version })
  assert.deepEqual(await uploadFile(server, file), { status: 200, reason: 'OK' })
  const page = await fetch(`${server.url}/simple/acme-hello/`, { headers: { accept: JSON_PAGE } })
  assert.deepEqual(((await page.json()) as { versions: string[] }).versions, all)
  assertNoServerFault(server)
}

const timestampStatus = async ({ url }: RunningServer): Promise<number> =>
  (await fetch(`${url}/tuf/timestamp.json`)).status

void test('a signed index goes back a release and forward again unsigned, with all that it holds, and says so', async () => {
  using scratch = scratchFolder()
  using old = unpackRelease('0.1.0')
  const options = { dataDir: join(scratch.path, 'data'), args: ['--no-upstream'] }
  {
    await using server = await startWaxseal(options)
    assert.match(server.log(), /signed {5}yes/)
    await uploads(server, '1.0', ['1.0'])
    assert.equal(await timestampStatus(server), 200)
    assert.equal(await server.stop(), 0)
  }
  const back = await runWaxseal(['upgrade', '--back', '--data', options.dataDir])
  assert.match(back, /Everything that was signed\. The index goes on unsigned/)
  {
    await using server = await startWaxseal({ ...options, main: old.main })
    await uploads(server, '2.0', ['1.0', '2.0'])
  }
  await using server = await startWaxseal(options)
  assert.match(server.log(), /signed {5}no/)
  assert.equal(await timestampStatus(server), 404)
  await uploads(server, '3.0', ['1.0', '2.0', '3.0'])
})
