import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { startBehind, until } from '../support/behind-upstream.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import type { Fault } from '../support/upstream-simulator.ts'

/** Every way in which an answer to a page request is no page; none of them says that the project does not exist. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['is cut off', { kind: 'truncate', afterBytes: 40 }],
  ['never begins', { kind: 'hang' }],
  ['is a closed connection', { kind: 'close' }],
  ['is garbage', { kind: 'garbage' }],
  ["is a portal's page with status 200", { kind: 'html-error' }],
  ['has another content type', { kind: 'content-type', contentType: 'application/json' }],
  ['has status 401', { kind: 'status', status: 401 }],
  ['has status 403', { kind: 'status', status: 403 }],
  ['has status 429 with Retry-After', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
  ['has status 500', { kind: 'status', status: 500, body: 'Traceback' }],
  ['has status 503', { kind: 'status', status: 503, headers: { 'retry-after': '1' } }],
  ['has status 204', { kind: 'status', status: 204 }],
  ['redirects to a private address (API-SSRF)', { kind: 'redirect', to: 'http://169.254.169.254/latest/meta-data/' }],
  ['redirects to another scheme (API-JSURL)', { kind: 'redirect', to: 'file:///etc/passwd' }],
  ['redirects in a loop (API-REDIR)', { kind: 'redirect-loop' }],
  ['never ends', { kind: 'endless' }],
  ['is a gzip bomb (ED-DEC)', { kind: 'gzip-bomb', bytes: 64 * 1024 ** 2 }],
]

for (const formats of ['json', 'html'] as const) {
  void test(`a page that goes wrong, from an upstream that speaks ${formats}`, async (t) => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    for (const [at, [title, fault]] of FAULTS.entries()) {
      await t.test(
        `a page that ${title} is a 503, never an absence; the last good one stands in; it heals`,
        async () => {
          const project = `demo-${at}`
          const file = { filename: `demo_${at}-1.0-py3-none-any.whl`, bytes: randomBytes(100) }
          upstream.addProject({ name: project, files: [file], formats })
          const path = new RegExp(`^/simple/${project}/`)
          const retries = fault.kind === 'status' && fault.headers !== undefined

          upstream.setFault(path, fault)
          const cold = await behind.page(project)
          assert.equal(cold.status, 503)
          assert.match(cold.reason, /does not answer/)
          if (retries) assert.ok(Number(cold.headers['retry-after']) >= 1)

          upstream.clearFaults()
          const healed = await until(
            () => behind.page(project),
            (reply) => reply.status === 200,
          )
          assert.deepEqual(
            healed.listed?.files.map(({ filename }) => filename),
            [file.filename],
          )

          upstream.setFault(path, fault)
          const stale = await behind.page(project)
          assert.equal(stale.status, 200)
          assert.deepEqual(stale.body, healed.body)

          upstream.clearFaults()
          upstream.addProject({
            name: project,
            files: [file, { ...file, filename: file.filename.replace('1.0', '1.1') }],
            formats,
          })
          const fresh = await until(
            () => behind.page(project),
            (reply) => reply.listed?.files.length === 2,
          )
          assert.equal(fresh.status, 200)
        },
      )
    }
    await assertSoundStorage(server.dataDir)
    assertNoServerFault(server)
  })
}
