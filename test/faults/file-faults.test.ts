import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { IMPATIENT, startBehind, until } from '../support/behind-upstream.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { sha256Of } from '../support/upstream-simulator.ts'
import type { Fault } from '../support/upstream-simulator.ts'

const SMALL = 1_000
const LARGE = 300_000

/** Every way in which an answer to a file request is not the file that the page listed. */
const FAULTS: readonly (readonly [string, (size: number) => Fault])[] = [
  ['is cut off early', () => ({ kind: 'truncate', afterBytes: 10 })],
  ['is cut off one byte before its end', (size) => ({ kind: 'truncate', afterBytes: size - 1 })],
  ['has another last byte', () => ({ kind: 'change-bytes' })],
  ['has another first byte', () => ({ kind: 'change-bytes', at: 0 })],
  ['is longer than listed', () => ({ kind: 'lying-length', by: 5 })],
  ['is shorter than listed', () => ({ kind: 'lying-length', by: -5 })],
  ['never ends', () => ({ kind: 'endless' })],
  ['is garbage', () => ({ kind: 'garbage' })],
  ["is a portal's page with status 200", () => ({ kind: 'html-error' })],
  ['is compressed on the way (ED-DEC)', (size) => ({ kind: 'gzip-bomb', bytes: size })],
  ['is a closed connection', () => ({ kind: 'close' })],
  ['never begins', () => ({ kind: 'hang' })],
  ['has status 401', () => ({ kind: 'status', status: 401 })],
  ['has status 403', () => ({ kind: 'status', status: 403 })],
  ['has status 404', () => ({ kind: 'status', status: 404 })],
  ['has status 429 with Retry-After', () => ({ kind: 'status', status: 429, headers: { 'retry-after': '1' } })],
  ['has status 500', () => ({ kind: 'status', status: 500 })],
  ['has status 503', () => ({ kind: 'status', status: 503 })],
  ['has status 206 unasked', () => ({ kind: 'status', status: 206, body: 'x' })],
  ['redirects to a private address (API-SSRF)', () => ({ kind: 'redirect', to: 'https://10.0.0.1/x' })],
  ['redirects to another scheme (API-JSURL)', () => ({ kind: 'redirect', to: 'file:///etc/passwd' })],
  ['redirects in a loop (API-REDIR)', () => ({ kind: 'redirect-loop' })],
]

for (const formats of ['json', 'html'] as const) {
  void test(`a file that goes wrong, from an upstream that speaks ${formats}`, async (t) => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    for (const [at, [title, faultOf]] of FAULTS.entries()) {
      await t.test(`a file that ${title} is never served or kept as whole; the next good answer heals`, async () => {
        for (const size of [SMALL, LARGE]) {
          const project = `demo-${at}-${size}`
          const file = { filename: `demo_${at}_${size}-1.0-py3-none-any.whl`, bytes: randomBytes(size) }
          upstream.addProject({ name: project, files: [file], formats })
          await until(
            () => behind.page(project),
            (reply) => reply.status === 200,
          )

          upstream.setFault(`/files/${project}/`, faultOf(size))
          const replies = await Promise.all([behind.file(project, file), behind.file(project, file)])
          for (const reply of replies) {
            assert.ok(!(reply.status === 200 && reply.complete), `${reply.status}, ${reply.body.length} bytes`)
            if (reply.status >= 400) assert.match(String(reply.headers['content-type']), /problem\+json/)
            assert.notEqual(reply.status, 500)
          }
          await assertSoundStorage(server.dataDir, { never: [sha256Of(file.bytes)] })

          upstream.clearFaults()
          const healed = await until(
            () => behind.file(project, file),
            (reply) => reply.status === 200 && reply.complete,
          )
          assert.equal(healed.status, 200)
          assert.deepEqual(healed.body, file.bytes)
        }
      })
    }
    await assertSoundStorage(server.dataDir)
    assertNoServerFault(server)
  })
}

void test('a file that stalls or drips is given up below the floor (SR-1), and heals', async () => {
  await using behind = await startBehind({ sim: { ...IMPATIENT, 'min-bytes-per-second': 1000 } })
  const { upstream, server } = behind
  const cases: readonly (readonly [string, Fault])[] = [
    ['stalling', { kind: 'stall', afterBytes: 200_000 }],
    ['dripping', { kind: 'drip', everyMs: 50, afterBytes: 100_000 }],
  ]
  await Promise.all(
    cases.map(async ([project, fault]) => {
      const file = { filename: `${project}-1.0-py3-none-any.whl`, bytes: randomBytes(LARGE) }
      upstream.addProject({ name: project, files: [file] })
      await behind.page(project)
      upstream.setFault(`/files/${project}/`, fault)
      const reply = await behind.file(project, file)
      assert.equal(reply.status, 200)
      assert.equal(reply.complete, false)
      assert.ok(reply.body.length > 0 && reply.body.length < LARGE)
      assert.deepEqual(reply.body, file.bytes.subarray(0, reply.body.length))
    }),
  )
  await assertSoundStorage(server.dataDir)
  upstream.clearFaults()
  for (const [project] of cases) {
    const page = await behind.page(project)
    const [listed] = page.listed?.files ?? []
    const reply = await behind.ask(`/files/${project}/${listed?.hashes['sha256']}/${listed?.filename}`)
    assert.equal(reply.complete && sha256Of(reply.body), listed?.hashes['sha256'])
  }
  assertNoServerFault(server)
})

void test('a page that lies about a hash or a size never leads to a file; the true page heals', async () => {
  await using behind = await startBehind()
  const { upstream, server } = behind
  const bytes = randomBytes(LARGE)
  const filename = 'demo-1.0-py3-none-any.whl'

  const wrong = 'a'.repeat(64)
  upstream.addProject({ name: 'demo', files: [{ filename, bytes, sha256: wrong }] })
  const page = await behind.page('demo')
  assert.equal(page.listed?.files[0]?.hashes['sha256'], wrong)
  const lied = await behind.ask(`/files/demo/${wrong}/${filename}`)
  assert.ok(!(lied.status === 200 && lied.complete))
  await assertSoundStorage(server.dataDir, { never: [wrong, sha256Of(bytes)] })

  for (const [project, by] of [
    ['shorter', -1],
    ['longer', 1],
  ] as const) {
    const file = { filename: `${project}-1.0-py3-none-any.whl`, bytes: randomBytes(LARGE) }
    upstream.addProject({ name: project, files: [{ ...file, size: LARGE + by }] })
    await behind.page(project)
    const reply = await behind.file(project, file)
    assert.ok(!(reply.status === 200 && reply.complete), `${project}: ${reply.status}`)
    await assertSoundStorage(server.dataDir, { never: [sha256Of(file.bytes)] })

    upstream.addProject({ name: project, files: [file] })
    await behind.page(project)
    const healed = await behind.file(project, file)
    assert.deepEqual([healed.status, healed.complete], [200, true], `${project}: ${healed.reason}`)
    assert.deepEqual(healed.body, file.bytes)
  }
  assertNoServerFault(server)
})
