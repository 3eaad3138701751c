import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { startBehind } from '../support/behind-upstream.ts'
import type { Behind } from '../support/behind-upstream.ts'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { AskOptions, Reply } from '../support/raw-http.ts'
import { openSocket } from '../support/raw-socket.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'
import { renderHtml, renderJson } from '../support/upstream-pages.ts'

/** Runs of each of the seven properties: about 500 and 20,000 altogether. */
const RUNS = process.env['WAXSEAL_NIGHTLY'] === undefined ? 72 : 2_860
const ANSWER_WITHIN_MS = 15_000

let behind: Behind
before(async () => {
  behind = await startBehind()
})
after(async () => {
  await behind[Symbol.asyncDispose]()
})

const wheel = buildWheel({ name: 'fuzzed', version: '1.0', requires: ['other>=1'] })

/** Bad input gets a refusal with a sentence: never a 500, a hang, a dead process or a stack trace. */
function assertRefusedWell(reply: Reply, upstreamMayFail = false): void {
  const { status } = reply
  assert.ok(status !== 0, 'no answer')
  assert.ok(status < 500 || (upstreamMayFail && (status === 502 || status === 503)), `${status} ${reply.reason}`)
  assert.doesNotMatch(reply.body.toString('latin1'), /\bat .{1,200}\.[jt]s:\d+/, 'a stack trace')
}

async function within<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_WITHIN_MS)
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}

const authorized = (): Record<string, string> => ({ authorization: `Bearer ${behind.server.token}` })

function post(body: Uint8Array, contentType: string): Promise<Reply> {
  const headers = { ...authorized(), 'content-type': contentType }
  return within(ask(`${behind.server.url}/legacy/`, { method: 'POST', headers, body }))
}

async function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, property), { numRuns: RUNS })
  assertNoServerFault(behind.server)
}

/** Bytes changed, cut out, doubled or put in at a few places. */
const mutations = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'end'),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 4 },
)
type Mutations = typeof mutations extends fc.Arbitrary<infer T> ? T : never

function mutate(original: Buffer, changes: Mutations): Buffer {
  let bytes = Buffer.from(original)
  for (const { at, kind, bytes: extra } of changes) {
    const place = Math.floor(at * Math.max(0, bytes.length - 1))
    const [start, rest] = [bytes.subarray(0, place), bytes.subarray(place)]
    if (kind === 'end') bytes = Buffer.from(start)
    else if (kind === 'cut') bytes = Buffer.concat([start, rest.subarray(extra.length)])
    else if (kind === 'insert') bytes = Buffer.concat([start, extra, rest])
    else if (kind === 'repeat') bytes = Buffer.concat([start, rest.subarray(0, 50), rest])
    else if (rest.length > 0) rest.writeUInt8(rest.readUInt8(0) ^ (extra[0] ?? 1), 0)
  }
  return bytes
}

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '.', '..', '/', '\0', '\r\n', '__proto__', 'constructor', 'K', '٣', '%00', '%2e%2e', '\ud800'),
  fc.string({ maxLength: 3 }).map((text) => text.repeat(2_000)),
)

void test('paths', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'simple',
      'files',
      'legacy',
      'pypi',
      'why',
      'api',
      'v1',
      '-',
      'json',
      'fuzzed',
      'a'.repeat(64),
      '..',
      '',
    ),
    fc.constantFrom('%', '%zz', '%c0%ae', '%2f', '%00', '\\', ';', '?', '?a=%', '*', '//', '%ff', '[', '{}'),
    fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 30 }),
  )
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE')
  await check(fc.tuple(method, fc.array(piece, { maxLength: 6 })), async ([verb, pieces]) => {
    const { socket, closed } = openSocket(behind.server.url)
    socket.write(Buffer.from(`${verb} /${pieces.join('/')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1'))
    const answer = await within(closed)
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
    // A name that only the upstream could know, while the upstream is left alone, is 503.
    assert.ok(status < 500 || status === 503, answer.slice(0, 300))
    assert.doesNotMatch(answer, /\bat .{1,200}\.[jt]s:\d+/)
  })
})

void test('upload fields', async () => {
  const known = fc.constantFrom(
    ':action',
    'protocol_version',
    'metadata_version',
    'name',
    'version',
    'filetype',
    'pyversion',
    'sha256_digest',
    'md5_digest',
    'blake2_256_digest',
    'requires_python',
    'requires_dist',
    'classifiers',
    'license_expression',
    'license',
    'provides_extra',
    'project_urls',
    'attestations',
    'description',
    'keywords',
    'author_email',
    'dynamic',
    'comment',
  )
  const name = fc.oneof({ weight: 8, arbitrary: known }, { weight: 1, arbitrary: fc.string({ maxLength: 20 }) })
  const value = fc.oneof(nasty, fc.json(), fc.constantFrom('1.0', '>=3', 'sdist', 'bdist_wheel', 'UNKNOWN', '1!2.0+x'))
  const clean = (text: string): string => text.replaceAll(/["\r\n]/g, ' ')
  await check(fc.dictionary(name, value, { maxKeys: 4 }), async (fields) => {
    const entries = Object.entries(fields).map(([key, text]) => [clean(key), text])
    const { body, contentType } = multipart(wheel, Object.fromEntries(entries) as Record<string, string>)
    assertRefusedWell(await post(body, contentType))
  })
})

void test('file names', async () => {
  const shape = fc
    .tuple(
      fc.constantFrom('fuzzed', 'Fuzzed', 'fu.zzed', ''),
      nasty,
      fc.constantFrom('-py3-none-any.whl', '.tar.gz', '.zip', ''),
    )
    .map(([name, middle, end]) => `${name}-${middle}${end}`.replaceAll(/["\r\n]/g, ''))
  await check(shape, async (filename) => {
    const { body, contentType } = multipart({ ...wheel, filename })
    assertRefusedWell(await post(body, contentType))
  })
})

void test('multipart framing', async () => {
  const { body, contentType } = multipart(wheel)
  const types = fc.constantFrom(
    contentType,
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="',
    'text/plain',
    'application/json',
    `${contentType}x`,
    'multipart/mixed; boundary=x',
    '',
  )
  const type = fc.oneof({ weight: 6, arbitrary: fc.constant(contentType) }, { weight: 1, arbitrary: types })
  await check(fc.tuple(mutations, type), async ([changes, chosen]) => {
    assertRefusedWell(await post(mutate(body, changes), chosen))
  })
})

void test('archives', async () => {
  const archive = fc.constantFrom('wheel', 'sdist', 'tar inside the sdist')
  let release = 0
  await check(fc.tuple(archive, mutations), async ([kind, changes]) => {
    // A release of its own each time: an archive that stays good burns its file name.
    const version = `2.${(release += 1)}`
    const original = (kind === 'wheel' ? buildWheel : buildSdist)({ name: 'fuzzed', version })
    const bytes =
      kind === 'tar inside the sdist'
        ? gzipSync(mutate(gunzipSync(original.bytes), changes))
        : mutate(original.bytes, changes)
    const fields = kind === 'wheel' ? {} : { filetype: 'sdist', pyversion: 'source', metadata_version: '2.2' }
    const { body, contentType } = multipart({ ...original, bytes }, fields)
    assertRefusedWell(await post(body, contentType))
  })
})

void test('management documents', async () => {
  const route = fc.constantFrom<readonly [string, string]>(
    ['PUT', '/projects/fuzzed/status'],
    ['PUT', '/projects/fuzzed/releases/1.0/yank'],
    ['DELETE', '/projects/nobody'],
    ['PUT', '/projects/%00/status'],
    ['PUT', '/projects/fuzzed/releases/%ff/yank'],
    ['DELETE', '/projects/x/files/..%2f'],
    ['POST', '/tokens'],
    ['POST', '/users'],
    ['PUT', '/users/nobody/disabled'],
    ['DELETE', '/tokens/x'],
    ['POST', '/projects/y/claim'],
  )
  const shaped = fc.record(
    {
      status: fc.oneof(fc.constantFrom('active', 'quarantined'), fc.anything()),
      reason: nasty,
      filename: nasty,
      user: nasty,
      scope: fc.constantFrom('read', 'root', 7),
      project: nasty,
      expires: nasty,
      name: nasty,
      password: nasty,
      disabled: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const text = fc.oneof(
    fc.json(),
    nasty,
    shaped.map((value) => JSON.stringify(value) ?? ''),
    fc.constant('{"__proto__":{"admin":true}}'),
  )
  await check(fc.tuple(route, text), async ([[method, path], body]) => {
    const options: AskOptions = { method, headers: { ...authorized(), 'content-type': 'application/json' }, body }
    assertRefusedWell(await within(ask(`${behind.server.url}/api/v1${path}`, options)))
  })
})

void test('upstream pages', async () => {
  const { upstream } = behind
  const file = {
    filename: 'from_afar-1.0-py3-none-any.whl',
    bytes: Buffer.from('x'),
    yanked: 'why',
    requiresPython: '>=3.9',
    metadata: Buffer.from('m'),
  }
  const project = {
    name: 'from-afar',
    files: [file, { ...file, filename: 'from_afar-1.1.tar.gz' }],
    status: { status: 'active' },
  }
  const urlOf = ({ filename }: { readonly filename: string }) => `/files/from-afar/${filename}`
  const pages = [
    ['application/vnd.pypi.simple.v1+json', renderJson(project, urlOf)],
    ['text/html', renderHtml(project, urlOf)],
  ] as const
  const words = fc.tuple(
    fc.constantFrom('"filename"', 'sha256', '1.0', 'true', 'href', '>', '"files"', '1.4', 'name'),
    nasty,
  )
  await check(
    fc.tuple(fc.constantFrom(...pages), mutations, fc.option(words)),
    async ([[type, page], changes, swap]) => {
      const mutated =
        swap === null ? mutate(page, changes) : Buffer.from(page.toString().replace(swap[0], () => swap[1]))
      upstream.addAnswer('/simple/from-afar/', { headers: { 'content-type': type }, body: mutated })
      const reply = await within(behind.page('from-afar'))
      assertRefusedWell(reply, true)
      const html = await within(behind.ask('/simple/from-afar/'))
      assertRefusedWell(html, true)
      for (const { url } of reply.listed?.files ?? []) {
        assert.match(url, /^\.\.\/\.\.\/files\/from-afar\/[0-9a-f]{64}\//)
      }
    },
  )
})

void test('after all of it the server is alive and what it stores is sound', async () => {
  assert.equal((await behind.ask('/-/health')).status, 200)
  const { body, contentType } = multipart(buildWheel({ name: 'sane', version: '1.0' }))
  assert.equal((await post(body, contentType)).status, 200)
  await assertSoundStorage(behind.server.dataDir)
  assertNoServerFault(behind.server)
})
