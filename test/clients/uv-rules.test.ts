import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { runWaxseal } from '../support/server.ts'
import { buildWheel, type Distribution } from '../support/python-projects.ts'
import { startScene, type Scene } from './scene.ts'

// uv itself cannot be had from Debian: what it requires of an index (behaviour.md 3.2, 1.8, 1.9) is asserted over HTTP.
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const ACCEPT = `${JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01`
const UNDERSTOOD_HASHES = ['md5', 'sha256', 'sha384', 'sha512', 'blake2b']

type File = {
  readonly filename: string
  readonly url: string
  readonly hashes: Readonly<Record<string, string>>
} & Readonly<Record<string, unknown>>

let scene: Scene
before(async () => {
  scene = await startScene()
})
after(async () => {
  await scene?.[Symbol.asyncDispose]()
})

const page = (name: string) => fetch(`${scene.indexUrl}${name}/`, { headers: { accept: ACCEPT } })

const files = async (name: string): Promise<readonly File[]> =>
  ((await (await page(name)).json()) as { files: readonly File[] }).files

/** A private file and one of the JSON upstream: uv must be content with both. */
const fileUrls = async (): Promise<readonly string[]> => {
  const found: string[] = []
  for (const name of ['acme-app', 'alpha-dep']) {
    const response = await page(name)
    const [file] = ((await response.json()) as { files: readonly File[] }).files
    assert.ok(file)
    const url = new URL(file.url, response.url).href
    // uv reads the metadata by ranges of a stored file.
    await (await fetch(url)).arrayBuffer()
    found.push(url)
  }
  return found
}

test('a page is JSON of exactly the media type, whatever follows a semicolon', async () => {
  for (const name of ['acme-app', 'alpha-dep', 'beta-dep']) {
    const response = await page(name)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type')?.split(';')[0], JSON_TYPE)
  }
})

test('size, upload-time and yanked are valid or absent, never null', async () => {
  for (const name of ['acme-app', 'acme-native', 'alpha-dep', 'beta-dep']) {
    for (const file of await files(name)) {
      for (const key of ['size', 'upload-time', 'yanked']) assert.notEqual(file[key], null, `${file.filename}: ${key}`)
      assert.match(String(file['upload-time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z$/)
      if ('size' in file) assert.equal(typeof file['size'], 'number')
    }
  }
})

test('every file has filename, url and hashes that uv knows', async () => {
  for (const name of ['acme-app', 'acme-native', 'alpha-dep', 'beta-dep']) {
    const found = await files(name)
    assert.ok(found.length > 0)
    for (const file of found) {
      assert.ok(new URL(file.url, `${scene.indexUrl}${name}/`).pathname.endsWith(`/${file.filename}`))
      assert.match(file.hashes['sha256'] ?? '', /^[0-9a-f]{64}$/)
      for (const algorithm of Object.keys(file.hashes)) assert.ok(UNDERSTOOD_HASHES.includes(algorithm), algorithm)
    }
  }
})

test('a page is revalidated by its ETag', async () => {
  const first = await page('acme-app')
  const etag = first.headers.get('etag')
  assert.ok(etag !== null && !etag.startsWith('W/'))
  assert.match(first.headers.get('cache-control') ?? '', /no-cache/)
  const again = await fetch(`${scene.indexUrl}acme-app/`, { headers: { accept: ACCEPT, 'if-none-match': etag } })
  assert.equal(again.status, 304)
})

test('files lie beneath the index root, so that uv sends its credentials there', async () => {
  for (const url of await fileUrls()) assert.ok(url.startsWith(`${scene.server.url}/files/`), url)
})

test('HEAD on a file promises ranges and says the length', async () => {
  for (const url of await fileUrls()) {
    const response = await fetch(url, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('accept-ranges'), 'bytes')
    assert.match(response.headers.get('content-length') ?? '', /^[1-9]\d*$/)
    assert.equal(response.headers.get('content-encoding'), null)
  }
})

test('the last bytes of a file come as a suffix range', async () => {
  for (const url of await fileUrls()) {
    const whole = Buffer.from(await (await fetch(url)).arrayBuffer())
    const response = await fetch(url, { headers: { range: 'bytes=-100', 'accept-encoding': 'identity' } })
    assert.equal(response.status, 206)
    assert.equal(
      response.headers.get('content-range'),
      `bytes ${whole.byteLength - 100}-${whole.byteLength - 1}/${whole.byteLength}`,
    )
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), whole.subarray(-100))
  }
})

test('the metadata beside a file has the advertised hash', async () => {
  const response = await page('acme-app')
  const [file] = ((await response.json()) as { files: readonly File[] }).files
  assert.ok(file)
  const bytes = Buffer.from(await (await fetch(new URL(`${file.url}.metadata`, response.url))).arrayBuffer())
  assert.deepEqual(file['core-metadata'], { sha256: createHash('sha256').update(bytes).digest('hex') })
  assert.equal(bytes.toString(), scene.app.metadata)
})

test('an unknown project is 404, so that uv asks its next index', async () => {
  assert.equal((await page('nowhere-to-be-found')).status, 404)
})

test('a claimed project without files is found and empty, so that uv asks no other index', async () => {
  const { dataDir } = scene.server
  await runWaxseal(['project', 'claim', 'acme-reserved', '--data', dataDir])
  const response = await page('acme-reserved')
  assert.equal(response.status, 200)
  assert.deepEqual(((await response.json()) as { files: unknown }).files, [])
})

test('a refused file is problem+json of exactly that type, with title and detail', async () => {
  const url = `${scene.server.url}/files/acme-app/${'0'.repeat(64)}/acme_app-9.9-py3-none-any.whl`
  const response = await fetch(url)
  assert.equal(response.status, 404)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = (await response.json()) as { title?: unknown; detail?: unknown }
  assert.equal(typeof problem.title, 'string')
  assert.equal(typeof problem.detail, 'string')
})

/** The BLAKE2b-256 field, made by Python because Node has no such digest; left out where there is no Python. */
const blake2 = (bytes: Buffer): readonly (readonly [string, string])[] => {
  const program =
    'import hashlib, sys; print(hashlib.blake2b(sys.stdin.buffer.read(), digest_size=32).hexdigest(), end="")'
  const { status, stdout } = spawnSync('/usr/bin/python3', ['-c', program], { input: bytes, encoding: 'utf8' })
  return status === 0 ? [['blake2_256_digest', stdout]] : []
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

/** The structure of what uv attaches by itself under trusted publishing (PEP 740); nothing in it is signed. */
const attestation = (file: Distribution): unknown => ({
  version: 1,
  verification_material: { certificate: 'AAAA', transparency_entries: [{}] },
  envelope: {
    statement: base64({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: file.filename, digest: { sha256: file.sha256 } }],
      predicateType: 'https://docs.pypi.org/attestations/publish/v1',
      predicate: null,
    }),
    signature: 'AAAA',
  },
})

/** The form as uv publish sends it: `:action` first, sha256 and BLAKE2, an always present requires_python, attestations. */
const publish = async (file: Distribution, token: string, bytes = file.bytes): Promise<Response> => {
  const form = new FormData()
  for (const [name, value] of [
    [':action', 'file_upload'],
    ['sha256_digest', createHash('sha256').update(bytes).digest('hex')],
    ['protocol_version', '1'],
    ['metadata_version', '2.1'],
    ['name', file.name],
    ['version', file.version],
    ['filetype', 'bdist_wheel'],
    ['pyversion', 'py3'],
    ['summary', `${file.name} for the tests`],
    ['requires_python', ''],
    ['attestations', JSON.stringify([attestation(file)])],
    ...blake2(bytes),
  ] as const) {
    form.append(name, value)
  }
  form.append('content', new Blob([Uint8Array.from(bytes)], { type: 'application/octet-stream' }), file.filename)
  return fetch(`${scene.server.url}/legacy/`, {
    method: 'POST',
    body: form,
    headers: {
      authorization: `Basic ${Buffer.from(`__token__:${token}`).toString('base64')}`,
      accept: 'application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7',
    },
  })
}

test('uv publish: the form is accepted, again too, and a refusal is application/json with a code', async () => {
  const { token } = scene.server
  const wheel = buildWheel({ name: 'uv-upload', version: '1.0' })
  const first = await publish(wheel, token)
  assert.equal(first.status, 200, await first.text())
  assert.equal((await publish(wheel, token)).status, 200)
  const changed = buildWheel({ name: 'uv-upload', version: '1.0', module: 'CHANGED = True\n' })
  const refused = await publish(changed, token)
  assert.equal(refused.status, 400)
  assert.equal(refused.headers.get('content-type'), 'application/json')
  assert.match(((await refused.json()) as { code: string }).code, /^400 File already exists/)
})

test('uv publish --check-url: the page names the hash right after the upload', async () => {
  const wheel = buildWheel({ name: 'uv-checked', version: '1.0' })
  assert.equal((await publish(wheel, scene.server.token)).status, 200)
  const [file] = await files('uv-checked')
  assert.equal(file?.filename, wheel.filename)
  assert.equal(file?.hashes['sha256'], wheel.sha256)
})
