import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { assertSuccess, terminal, withEnv, workFolder } from '../clients/scene.ts'
import { uploaders } from '../clients/uploading.ts'
import { until } from '../support/behind-upstream.ts'
import { makeCertificate } from '../support/certificate.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { spooledFiles } from '../support/storage-audit.ts'
import { uploadFile } from '../support/upload-form.ts'
import { multipart } from '../support/upload-stream.ts'
import { JSON_PAGE, ask as askPlainly, basic } from './index-under-test.ts'
import type { Page } from './index-under-test.ts'
import { freePort } from '../support/free-port.ts'
import { CADDY, NGINX, startProxy, without } from './proxies.ts'
import type { ProxyKind } from './proxies.ts'

/** The files of deploy/, run as they are shipped: TLS, a sub-path, reason phrases, files that the proxy sends. */

for (const kind of [NGINX, CADDY]) {
  const missing = without(kind)
  if (missing !== undefined && process.env['CI']) throw new Error(missing)
  describe(`under a sub-path of a real ${kind.name}`, { skip: missing ?? false }, () => behind(kind))
}

function behind(kind: ProxyKind): void {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  let url: string
  let authority: string
  let ca: Buffer
  const wheel = buildWheel({ name: 'Demo.App', version: '1.0', requires: ['helper'] })
  const helper = buildWheel({ name: 'helper', version: '2.0', module: `TEXT = '${'x'.repeat(300_000)}'\n` })
  const address = (file: typeof wheel): string =>
    `${url}/files/${file.name.toLowerCase().replace('.', '-')}/${file.sha256}/${file.filename}`
  const ask = (target: string, options: Parameters<typeof askPlainly>[1] = {}): ReturnType<typeof askPlainly> =>
    askPlainly(target, { ...options, ca })

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-proxied-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const made = makeCertificate(folder, 'proxy')
    authority = made.certificate
    ca = await readFile(made.certificate)
    const port = await freePort()
    url = `https://127.0.0.1:${port}/pypi`
    const dataDir = join(folder, 'data')
    const config = join(folder, 'waxseal.toml')
    await writeFile(
      config,
      `public-url = "${url}/"\ntrusted-proxies = ["127.0.0.1"]\naccel-redirect = "/waxseal-blobs/"\n`,
    )
    server = parts.use(await startWaxseal({ dataDir, args: ['--config', config, '--no-upstream'] }))
    parts.use(await startProxy(kind, { ...made, port, blobs: join(dataDir, 'blobs'), index: new URL(server.url).host }))
    for (const file of [wheel, helper]) assert.equal((await uploadFile(server, file)).status, 200)
  })
  after(() => parts.disposeAsync())

  it('redirects stay under the prefix and on this host', async () => {
    for (const [path, target] of [
      ['/simple', '/simple/'],
      ['/simple/demo-app', '/simple/demo-app/'],
      ['/simple/Demo.App/', '/simple/demo-app/'],
      ['/simple//DEMO_APP', '/simple/demo-app/'],
    ] as const) {
      const answer = await ask(`${url}${path}`)
      assert.equal(answer.status, 302, path)
      const landed = new URL(answer.headers.location ?? '', `${url}${path}`).href
      assert.equal(landed.replaceAll(/(?<!:)\/\//g, '/'), `${url}${target}`)
      assert.equal((await ask(landed)).status, 200)
    }
  })

  it('links of pages, of the list, of the JSON API and of refusals lead back under the prefix', async () => {
    const page = (await ask(`${url}/simple/demo-app/`, { headers: JSON_PAGE })).json() as Page
    const [file] = page.files
    assert.equal(new URL(file?.url ?? '', `${url}/simple/demo-app/`).href, address(wheel))
    const list = await ask(`${url}/simple/`)
    const [, href = ''] = /<a href="([^"]+)">Demo\.App</.exec(list.text) ?? []
    assert.equal(new URL(href, `${url}/simple/`).href, `${url}/simple/demo-app/`)
    const document = (await ask(`${url}/pypi/demo-app/json`)).json() as { urls: { url: string }[] }
    assert.equal(document.urls[0]?.url, address(wheel))
    const refused = await ask(`${url}/files/demo-app/x`)
    const { type } = refused.json() as { type: string }
    assert.equal((await ask(new URL(type, `${url}/files/demo-app/x`).href)).status, 200)
  })

  it(`the reason phrase of a refusal ${kind.keepsReasons ? 'survives' : 'is lost, and its body says the same'}`, async () => {
    const refused = await ask(`${url}/files/demo-app/x`)
    const text = 'This is not the address of a file.'
    assert.deepEqual([refused.status, refused.reason], [404, kind.keepsReasons ? text : 'Not Found'])
    assert.equal((refused.json() as { detail: string }).detail, text)
  })

  it('a request has the id that the proxy gave it, not one that a stranger chose', async () => {
    const headers = { 'x-request-id': 'chosen-by-a-stranger' }
    const { 'x-request-id': id } = (await ask(`${url}/simple/`, { headers })).headers
    assert.match(String(id), kind.requestId)
    const log = await until(
      async () => server.log(),
      (text) => text.includes(`"id":"${String(id)}"`),
    )
    assert.ok(!log.includes('chosen-by-a-stranger') && log.includes(`"id":"${String(id)}"`))
  })

  it('an upload streams through: it arrives before its end is sent', async () => {
    const large = buildWheel({ name: 'streamed', version: '1.0', module: `#${'y'.repeat(3_000_000)}\n` })
    const { body, contentType } = multipart(large)
    const { hostname, port } = new URL(url)
    const sent = request({
      hostname,
      port,
      ca,
      agent: false,
      method: 'POST',
      path: '/pypi/legacy/',
      headers: { ...basic(server.token), 'content-type': contentType, 'content-length': body.length },
    })
    sent.write(body.subarray(0, 2_000_000))
    await until(
      () => spooledFiles(server.dataDir),
      (files) => files.length === 1,
    )
    sent.end(body.subarray(2_000_000))
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    assert.equal(answer.statusCode, 200)
    const back = await ask(address(large))
    assert.ok(back.bytes.equals(large.bytes))
  })

  it('the address that failed logins are counted by is the client’s, not one that it made up', async () => {
    const wrong = (forged: string) =>
      ask(`${url}/api/v1/tokens`, {
        from: '127.0.0.9',
        headers: { ...basic('wrong'), 'x-forwarded-for': forged, forwarded: `for=${forged}` },
      })
    const answers = []
    for (let at = 0; at < 14; at += 1) answers.push((await wrong(`198.51.100.${at}`)).status)
    assert.ok(answers.includes(429), answers.join(' '))
  })

  for (const file of [wheel, helper]) {
    it(`${kind.name} sends the bytes of ${file.filename}, with our headers, and nobody gets to them another way`, async () => {
      const whole = await ask(address(file))
      assert.ok(whole.status === 200 && whole.bytes.equals(file.bytes))
      const { headers } = whole
      assert.deepEqual(
        [headers['content-type'], headers['cache-control'], headers['content-length'], headers['accept-ranges']],
        ['application/octet-stream', 'public, max-age=365000000, immutable', String(file.bytes.length), 'bytes'],
      )
      assert.equal(headers['x-accel-redirect'], undefined)
      const part = await ask(address(file), { headers: { range: 'bytes=-100' } })
      assert.ok(part.status === 206 && part.bytes.equals(file.bytes.subarray(-100)))
      const head = await ask(address(file), { method: 'HEAD' })
      assert.deepEqual([head.status, head.headers['content-length']], [200, String(file.bytes.length)])
      assert.equal(head.headers.etag, headers.etag, 'one file, one tag')
      const sidecar = await ask(`${address(file)}.metadata`)
      assert.deepEqual([sidecar.text, sidecar.headers['content-type']], [file.metadata, 'text/plain; charset=UTF-8'])
      const inside = `/waxseal-blobs/${file.sha256.slice(0, 2)}/${file.sha256.slice(2, 4)}/${file.sha256}`
      assert.equal((await ask(`${new URL(url).origin}${inside}`)).status, 404)
    })
  }

  for (const wanted of wantedClients('pip')) {
    clientTest(wanted, `installs through ${kind.name} under a sub-path`, async (pip) => {
      const work = await mkdtemp(join(tmpdir(), 'waxseal-project-'))
      try {
        const outcome = await pip.run(['install', '--index-url', `${url}/simple/`, '--target', 'out', 'demo-app'], {
          cwd: work,
          env: { PIP_CERT: authority },
        })
        assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr)
        const installed = (await readdir(join(work, 'out'))).filter((name) => name.endsWith('.dist-info'))
        assert.deepEqual(installed.toSorted(), ['demo_app-1.0.dist-info', 'helper-2.0.dist-info'])
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    })

    clientTest(
      wanted,
      `passes over what is yanked through ${kind.name}, and says why where it is pinned`,
      async (pip) => {
        const headers = { ...basic(server.token), 'content-type': 'application/json' }
        const yank = `${url}/api/v1/projects/helper/releases/2.0/yank`
        const reason = JSON.stringify({ reason: 'eats numbers' })
        assert.equal((await ask(yank, { method: 'PUT', headers, body: reason })).status, 200)
        const work = await mkdtemp(join(tmpdir(), 'waxseal-project-'))
        try {
          const install = ['install', '--no-deps', '--index-url', `${url}/simple/`, '--target', 'out']
          const pinned = await pip.run([...install, 'helper==2.0'], { cwd: work, env: { PIP_CERT: authority } })
          assert.equal(pinned.code, 0, pinned.stderr)
          assert.match(pinned.stdout + pinned.stderr, /eats numbers/)
          assert.equal((await ask(yank, { method: 'DELETE', headers })).status, 200)
          const free = await pip.run([...install, '--upgrade', 'helper'], { cwd: work, env: { PIP_CERT: authority } })
          assert.equal(free.code, 0, free.stderr)
          assert.doesNotMatch(free.stdout + free.stderr, /eats numbers/)
        } finally {
          await rm(work, { recursive: true, force: true })
        }
      },
    )
  }

  for (const wanted of wantedClients('twine')) {
    clientTest(
      wanted,
      `uploads through ${kind.name}, and ${kind.keepsReasons ? 'shows' : 'does not show'} why it is refused`,
      async (twine) => {
        await using work = await workFolder()
        const name = `by-twine-${twine.generation}`
        const env = { TWINE_CERT: authority }
        const trusting = { ...twine, run: withEnv(twine, env) }
        const first = buildWheel({ name, version: '1.0' })
        assertSuccess(await uploaders.twine(trusting, work.path, first, { url, token: server.token }))
        assert.equal((await ask(`${url}/simple/${name}/`)).status, 200)
        const other = buildWheel({ name, version: '1.0', module: 'OTHER = 1\n' })
        const refused = await uploaders.twine(trusting, work.path, other, { url, token: server.token })
        assert.notEqual(refused.code, 0)
        const said = terminal(refused)
        if (kind.keepsReasons) assert.match(said, /File already exists/)
        else assert.match(said, /400 Bad Request/)
      },
    )
  }
}
