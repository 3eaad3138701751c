import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { IMPATIENT, addressOf, startBehind, until } from '../support/behind-upstream.ts'
import type { Behind } from '../support/behind-upstream.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { sha256Of, startSimulator } from '../support/upstream-simulator.ts'

const wheel = (project: string, version = '1.0') => ({
  filename: `${project.replaceAll('-', '_')}-${version}-py3-none-any.whl`,
  bytes: randomBytes(1000),
})

async function eventsOf(behind: Behind, project: string): Promise<string> {
  const reply = await behind.ask(`/why/${project}`, { headers: { accept: 'application/json' } })
  return reply.body.toString()
}

for (const formats of ['json', 'html'] as const) {
  void test(`files that come without a sha256 from ${formats} are offered once they are hashed (HASH-NONE, HASH-MD5)`, async () => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    const file = wheel('demo')
    upstream.addProject({ name: 'demo', files: [{ ...file, sha256: false }], formats })
    upstream.setFault('/files/demo/', { kind: 'status', status: 500 })
    assert.deepEqual((await behind.page('demo')).listed?.files, [])
    upstream.clearFaults()
    const page = await until(
      () => behind.page('demo'),
      ({ listed }) => listed?.files.length === 1,
    )
    const [listed] = page.listed?.files ?? []
    assert.equal(listed?.hashes['sha256'], sha256Of(file.bytes))
    assert.equal(listed.size, 1000)
    upstream.clearRequests()
    assert.deepEqual((await behind.file('demo', file)).body, file.bytes)
    assert.equal(upstream.requestsFor('/files/').length, 0)
    await assertSoundStorage(server.dataDir)
    assertNoServerFault(server)
  })

  void test(`what an upstream that speaks ${formats} says of a file is passed on`, async () => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    const metadata = Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n')
    const provenance = Buffer.from('{"version":1,"attestation_bundles":[]}')
    const told = {
      uploadTime: '2024-05-06T07:08:09.123456Z',
      requiresPython: '>=3.9',
      yanked: 'broken',
      metadata,
      provenance,
    }
    const file = { ...wheel('demo'), ...told }
    upstream.addProject({ name: 'demo', files: [file], formats, status: { status: 'deprecated', reason: 'use other' } })
    const page = await behind.page('demo')
    const [listed] = page.listed?.files ?? []
    assert.deepEqual(page.listed?.['project-status'], { status: 'deprecated', reason: 'use other' })
    assert.equal(listed?.['requires-python'], '>=3.9')
    assert.equal(listed.yanked, 'broken')
    assert.deepEqual(listed['core-metadata'], { sha256: sha256Of(metadata) })
    if (formats === 'json') {
      assert.equal(listed['upload-time'], told.uploadTime)
      assert.equal(listed.size, 1000)
    } else {
      assert.equal(listed.size, undefined)
      assert.equal(page.listed?.meta['api-version'], '1.0')
    }
    assert.deepEqual((await behind.ask(`${addressOf('demo', file)}.metadata`)).body, metadata)
    assert.deepEqual((await behind.ask(`${addressOf('demo', file)}.provenance`)).body, provenance)

    upstream.addProject({ name: 'demo', files: [{ ...file, yanked: false }], formats })
    const after = await behind.page('demo')
    assert.equal(after.listed?.files[0]?.yanked, false)
    assert.equal(after.listed['project-status']?.status, 'active')

    upstream.addProject({ name: 'demo', files: [file], formats, status: { status: 'quarantined', reason: 'malware' } })
    const closed = await behind.page('demo')
    assert.deepEqual(closed.listed?.files, [])
    assert.equal(closed.listed['project-status']?.status, 'quarantined')
    assert.equal((await behind.file('demo', file)).status, 403)
    assertNoServerFault(server)
  })

  void test(`a sidecar from ${formats} that is wrong or missing is refused, never kept, and heals`, async () => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    const metadata = Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n')
    const file = { ...wheel('demo'), metadata }
    upstream.addProject({ name: 'demo', files: [file], formats })
    await behind.page('demo')
    const address = `${addressOf('demo', file)}.metadata`
    const faults = [
      [{ kind: 'change-bytes' }, 502],
      [{ kind: 'lying-length', by: 9 }, 502],
      [{ kind: 'status', status: 404 }, 404],
      [{ kind: 'truncate', afterBytes: 5 }, 503],
      [{ kind: 'endless' }, 503],
    ] as const
    for (const [fault, status] of faults) {
      upstream.setFault(/\.metadata$/, fault)
      const reply = await behind.ask(address)
      assert.equal(reply.status, status, `${fault.kind}: ${reply.reason}`)
      await assertSoundStorage(server.dataDir, { never: [sha256Of(metadata)] })
    }
    upstream.clearFaults()
    assert.deepEqual((await behind.ask(address)).body, metadata)
    assertNoServerFault(server)
  })

  void test(`a file from ${formats} that vanishes or changes is an event; the admitted bytes stay (UPS-DEL, UPS-REPL)`, async () => {
    await using behind = await startBehind()
    const { upstream, server } = behind
    const kept = wheel('demo', '1.0')
    const never = wheel('demo', '1.1')
    const steady = wheel('demo', '2.0')
    upstream.addProject({ name: 'demo', files: [kept, never, steady], formats })
    await behind.page('demo')
    await behind.file('demo', kept)
    const changed = { ...kept, bytes: randomBytes(1000) }
    upstream.addProject({ name: 'demo', files: [changed, steady], formats })
    const page = await behind.page('demo')
    assert.deepEqual(
      new Map(page.listed?.files.map(({ filename, hashes }) => [filename, hashes['sha256']])),
      new Map([kept, steady].map(({ filename, bytes }) => [filename, sha256Of(bytes)])),
    )
    assert.deepEqual((await behind.file('demo', kept)).body, kept.bytes)
    assert.equal((await behind.file('demo', changed)).status, 404)
    assert.ok((await behind.file('demo', never)).status >= 400)
    const events = await eventsOf(behind, 'demo')
    assert.match(events, /upstream-mutated/)
    assert.match(events, /upstream-withdrawn/)
    await assertSoundStorage(server.dataDir, { never: [sha256Of(changed.bytes)] })

    upstream.removeProject('demo')
    const gone = await behind.page('demo')
    assert.equal(gone.status, 200, 'its files are kept for existing locks')
    assert.ok(gone.listed?.files.every(({ yanked }) => typeof yanked === 'string'))
    assert.deepEqual((await behind.file('demo', kept)).body, kept.bytes)

    upstream.addProject({ name: 'demo', files: [kept, never, steady], formats })
    const back = await behind.page('demo')
    assert.deepEqual(
      back.listed?.files.map(({ yanked }) => yanked),
      [false, false, false],
    )
    assertNoServerFault(server)
  })
}

void test('while the upstream is down, its pages and stored files are served as they were', async () => {
  await using behind = await startBehind()
  const { upstream, server } = behind
  const [stored, cold] = [wheel('demo', '1.0'), wheel('demo', '1.1')]
  upstream.addProject({ name: 'demo', files: [stored, cold] })
  const before = await behind.page('demo')
  await behind.file('demo', stored)
  await upstream[Symbol.asyncDispose]()
  const page = await behind.page('demo')
  assert.deepEqual([page.status, page.body], [200, before.body])
  assert.deepEqual((await behind.file('demo', stored)).body, stored.bytes)
  assert.equal((await behind.file('demo', cold)).status, 503)
  assert.equal((await behind.page('unknown')).status, 503)
  assertNoServerFault(server)
})

void test('links to anything but http(s), to private addresses and to origins nobody configured are never offered or asked (API-JSURL, API-SSRF)', async () => {
  await using behind = await startBehind()
  await using internal = await startSimulator()
  const { upstream, server } = behind
  const { filename, bytes } = wheel('demo')
  const urls = [
    `javascript:alert(1)/${filename}`,
    `data:text/plain,x/${filename}`,
    `file:///etc/${filename}`,
    `ftp://example.org/${filename}`,
    `gopher://127.0.0.1:70/${filename}`,
    `https://169.254.169.254/${filename}`,
    `https://[::1]/${filename}`,
    `https://[::ffff:10.0.0.1]/${filename}`,
    `https://2130706433/${filename}`,
    `${internal.url}/${filename}`,
  ]
  for (const [at, url] of urls.entries()) {
    for (const formats of ['json', 'html'] as const) {
      const name = 'demo'
      upstream.addProject({ name, files: [{ filename, bytes, url }], formats })
      const page = await behind.page(name)
      assert.deepEqual(page.listed?.files ?? [], [], `${at} ${url} (${formats}): ${page.status}`)
      assert.ok(!page.body.includes('javascript:'))
      assert.ok((await behind.file(name, { filename, bytes })).status >= 400)
    }
  }
  assert.equal(internal.requests.length, 0)
  assertNoServerFault(server)
})

void test('a redirect to another configured origin is followed without the credentials, to any other not at all (API-REDIR)', async () => {
  await using files = await startSimulator()
  await using elsewhere = await startSimulator()
  await using behind = await startBehind({ sim: { ...IMPATIENT, username: 'someone', 'also-allow': [files.url] } })
  const { upstream, server } = behind
  const file = wheel('demo')
  upstream.addProject({ name: 'demo', files: [file] })
  await behind.page('demo')
  elsewhere.addAnswer('/moved', { body: file.bytes })
  upstream.setFault('/files/demo/', { kind: 'redirect', to: `${elsewhere.url}/moved` })
  assert.equal((await behind.file('demo', file)).status, 503)
  assert.equal(elsewhere.requests.length, 0)
  files.addAnswer('/moved', { body: file.bytes })
  upstream.setFault('/files/demo/', { kind: 'redirect', to: `${files.url}/moved` })
  assert.deepEqual((await behind.file('demo', file)).body, file.bytes)
  assert.ok(upstream.requests.every(({ headers }) => headers.authorization !== undefined))
  assert.deepEqual(
    files.requests.map(({ headers }) => headers.authorization),
    [undefined],
  )
  assertNoServerFault(server)
})

void test('a page of 5,000 files is taken over whole, and again after one was added', async () => {
  await using behind = await startBehind()
  const { upstream, server } = behind
  const bytes = randomBytes(10)
  const many = Array.from({ length: 5_000 }, (_, at) => ({ filename: `demo-1.${at}-py3-none-any.whl`, bytes }))
  for (const formats of ['json', 'html'] as const) {
    upstream.addProject({ name: 'demo', files: many, formats })
    assert.equal((await behind.page('demo')).listed?.files.length, 5_000)
  }
  upstream.addProject({ name: 'demo', files: [...many, { filename: 'demo-2.0-py3-none-any.whl', bytes }] })
  assert.equal((await behind.page('demo')).listed?.files.length, 5_001)
  assertNoServerFault(server)
})
