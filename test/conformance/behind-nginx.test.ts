import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { JSON_PAGE, ask, basic } from './index-under-test.ts'
import type { Page } from './index-under-test.ts'
import { freePort, startNginx, withoutNginx } from './nginx.ts'

/** docs/reverse-proxy.md as it stands there: a sub-path, the reason phrase of refusals, files sent by nginx. */

const missing = withoutNginx()
if (missing !== undefined && process.env['CI']) throw new Error(missing)

describe('under a sub-path of a real nginx', { skip: missing ?? false }, () => {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  let url: string
  const wheel = buildWheel({ name: 'Demo.App', version: '1.0', requires: ['helper'] })
  const helper = buildWheel({ name: 'helper', version: '2.0', module: `TEXT = '${'x'.repeat(300_000)}'\n` })
  const address = (file: typeof wheel): string =>
    `${url}/files/${file.name.toLowerCase().replace('.', '-')}/${file.sha256}/${file.filename}`

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-proxied-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const port = await freePort()
    url = `http://127.0.0.1:${port}/python`
    const dataDir = join(folder, 'data')
    const config = join(folder, 'waxseal.toml')
    await writeFile(
      config,
      `public-url = "${url}/"\ntrusted-proxies = ["127.0.0.1"]\naccel-redirect = "/waxseal-blobs/"\n`,
    )
    server = parts.use(await startWaxseal({ dataDir, args: ['--config', config, '--no-upstream'] }))
    parts.use(
      await startNginx(
        port,
        `location /python/ {
          proxy_pass ${server.url}/;
          proxy_http_version 1.1;
          proxy_set_header Host $host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          client_max_body_size 0;
          proxy_request_buffering off;
        }
        location /waxseal-blobs/ {
          internal;
          alias ${join(dataDir, 'blobs')}/;
        }`,
      ),
    )
    for (const file of [wheel, helper]) {
      assert.deepEqual((await uploadFile({ url, token: server.token }, file)).status, 200)
    }
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

  it('the reason phrase of a refusal survives', async () => {
    const refused = await ask(`${url}/files/demo-app/x`)
    assert.deepEqual([refused.status, refused.reason], [404, 'This is not the address of a file.'])
    const changed = buildWheel({ name: 'Demo.App', version: '1.0', module: 'OTHER = 1\n' })
    const upload = await uploadFile({ url, token: server.token }, changed)
    assert.equal(upload.status, 400)
    assert.match(upload.reason, /^File already exists/)
  })

  for (const file of [wheel, helper]) {
    it(`nginx sends the bytes of ${file.filename}, with our headers, and nobody gets to them another way`, async () => {
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
    clientTest(wanted, 'installs through nginx under a sub-path', async (pip) => {
      const work = await mkdtemp(join(tmpdir(), 'waxseal-project-'))
      try {
        const outcome = await pip.run(['install', '--index-url', `${url}/simple/`, '--target', 'out', 'demo-app'], {
          cwd: work,
        })
        assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr)
        const installed = (await readdir(join(work, 'out'))).filter((name) => name.endsWith('.dist-info'))
        assert.deepEqual(installed.toSorted(), ['demo_app-1.0.dist-info', 'helper-2.0.dist-info'])
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    })

    clientTest(wanted, 'passes over what is yanked by the API, and says why where it is pinned', async (pip) => {
      const headers = { ...basic(server.token), 'content-type': 'application/json' }
      const yank = `${url}/api/v1/projects/helper/releases/2.0/yank`
      const reason = JSON.stringify({ reason: 'eats numbers' })
      assert.equal((await ask(yank, { method: 'PUT', headers, body: reason })).status, 200)
      const work = await mkdtemp(join(tmpdir(), 'waxseal-project-'))
      try {
        const install = ['install', '--no-deps', '--index-url', `${url}/simple/`, '--target', 'out']
        const pinned = await pip.run([...install, 'helper==2.0'], { cwd: work })
        assert.equal(pinned.code, 0, pinned.stderr)
        assert.match(pinned.stdout + pinned.stderr, /eats numbers/)
        assert.equal((await ask(yank, { method: 'DELETE', headers })).status, 200)
        const free = await pip.run([...install, '--upgrade', 'helper'], { cwd: work })
        assert.equal(free.code, 0, free.stderr)
        assert.doesNotMatch(free.stdout + free.stderr, /eats numbers/)
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    })
  }
})
