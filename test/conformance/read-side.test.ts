import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parse } from 'parse5'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { JSON_PAGE, REFRESH_MS, ask, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest, Page } from './index-under-test.ts'

/** behaviour.md 7.3 and 2.4, design.md section 6: what every client relies on, over HTTP. */

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const PIP = `${JSON_TYPE}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`

let upstream: Simulator
let index: IndexUnderTest
const wheel = buildWheel({ name: 'demo-app', version: '1.0', requiresPython: '>=3.8,<4' })
const sdist = buildSdist({ name: 'demo-app', version: '1.0' })
const newer = buildWheel({ name: 'demo-app', version: '1.10' })
const older = buildWheel({ name: 'demo-app', version: '1.9' })
const mirrored = buildWheel({ name: 'mirrored', version: '2.0', requiresPython: '>=3.7' })

before(async () => {
  upstream = await startSimulator()
  upstream.addProject({
    name: 'mirrored',
    files: [
      {
        filename: mirrored.filename,
        bytes: mirrored.bytes,
        uploadTime: '2023-05-06T07:08:09.123456Z',
        requiresPython: '>=3.7',
        yanked: 'breaks "everything" <here>',
        metadata: Buffer.from(mirrored.metadata),
      },
    ],
  })
  index = await startIndex({ upstreams: { pypi: upstream } })
  for (const file of [newer, wheel, older]) assert.equal((await index.upload(file)).status, 200, file.filename)
})
after(async () => {
  await index[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(`${index.url}${path}`, { headers })

describe('7.3.1: addresses and types of pages', () => {
  for (const [path, location] of [
    ['/simple', 'simple/'],
    ['/simple/demo-app', 'demo-app/'],
    ['/simple/Demo_App/', '../demo-app/'],
    ['/simple/DEMO..app', 'demo-app/'],
    ['/simple/demo-app?format=x', 'demo-app/?format=x'],
    ['/simple/no-such-project', 'no-such-project/'],
  ] as const) {
    it(`${path} redirects with 302 to ${location}, on this origin and under any prefix`, async () => {
      const answer = await get(path)
      assert.deepEqual([answer.status, answer.headers.location], [302, location])
      assert.equal(answer.headers['cache-control'], 'no-cache')
    })
  }

  for (const path of ['/simple//demo-app/', '//simple/demo-app//', '/simple/demo-app/']) {
    it(`${path} is the page`, async () => assert.equal((await get(path)).status, 200))
  }

  for (const [accept, type] of [
    [undefined, 'text/html; charset=UTF-8'],
    ['', 'text/html; charset=UTF-8'],
    ['*/*', 'text/html; charset=UTF-8'],
    ['application/json', 'text/html; charset=UTF-8'],
    ['image/png', 'text/html; charset=UTF-8'],
    ['application/vnd.pypi.simple.v2+json', 'text/html; charset=UTF-8'],
    ['application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.v1+html; charset=UTF-8'],
    ['application/vnd.pypi.simple.latest+json', JSON_TYPE],
    [JSON_TYPE, JSON_TYPE],
    [PIP, JSON_TYPE],
  ] as const) {
    it(`Accept ${accept ?? '(none)'} gets ${type}, never 406`, async () => {
      for (const path of ['/simple/', '/simple/demo-app/']) {
        const answer = await get(path, accept === undefined ? {} : { accept })
        assert.deepEqual([answer.status, answer.headers['content-type']], [200, type])
        assert.equal(answer.headers.vary, 'Accept, Accept-Encoding')
      }
    })
  }

  for (const path of ['/simple/nope/', '/simple/-bad-/', '/simple/a/b/', '/simple/%E2%84%AA/']) {
    it(`${path} is a plain 404 for whoever does not ask for JSON`, async () => {
      const answer = await get(path)
      assert.deepEqual([answer.status, answer.headers['content-type']], [404, 'text/plain; charset=UTF-8'])
      assert.equal(answer.headers['cache-control'], 'no-store')
    })
  }

  for (const path of ['/simple/%2e%2e/', '/simple/a%2fb/', '/simple/%00/', '/simple/%zz/', '/simple/a%5cb/']) {
    it(`FN-PATH: ${path} is a 400`, async () => assert.equal((await get(path)).status, 400))
  }

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    it(`${method} of a page is 405 with Allow`, async () => {
      const answer = await ask(`${index.url}/simple/demo-app/`, { method })
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD'])
    })
  }
})

describe('7.3.2: the HTML page', () => {
  it('says version 1.4, and its anchors are the files: text, address and hash agree', async () => {
    const { text } = await get('/simple/demo-app/')
    assert.match(text, /<meta name="pypi:repository-version" content="1\.4">/)
    assert.match(text, /<meta name="pypi:project-status" content="active">/)
    const anchors = [...text.matchAll(/<a href="([^"#]+)#sha256=([0-9a-f]{64})"[^>]*>([^<]+)<\/a>/g)]
    assert.deepEqual(
      anchors.map(([, , , name]) => name),
      [wheel.filename, older.filename, newer.filename],
    )
    for (const [, href = '', sha256, name] of anchors) {
      assert.equal(decodeURIComponent(href.split('/').at(-1) ?? ''), name)
      const file = await ask(new URL(href, `${index.url}/simple/demo-app/`).href)
      assert.equal(createHash('sha256').update(file.bytes).digest('hex'), sha256)
    }
    assert.match(text, /data-requires-python="&gt;=3\.8,&lt;4"/)
  })

  it('API-HTML: escapes what an upstream says', async () => {
    const { text } = await get('/simple/mirrored/')
    assert.match(text, /data-yanked="breaks &quot;everything&quot; &lt;here&gt;"/)
    assert.ok(parse(text))
  })
})

describe('7.3.3: the JSON page', () => {
  it('holds no null, sha256 only, all versions of its files, and says 1.4', async () => {
    const { text } = await get('/simple/demo-app/', JSON_PAGE)
    const page = JSON.parse(text) as Page
    assert.doesNotMatch(text, /null/)
    assert.deepEqual(page.versions, ['1.0', '1.9', '1.10'])
    assert.equal(page.meta['api-version'], '1.4')
    assert.deepEqual(page['project-status'], { status: 'active' })
    for (const file of page.files) {
      assert.deepEqual(Object.keys(file.hashes), ['sha256'])
      assert.match(file['upload-time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z$/)
      assert.equal(typeof file.size, 'number')
      assert.deepEqual(Object.keys(file), Object.keys(file).toSorted())
    }
    assert.doesNotMatch(text, /127\.0\.0\.1|https?:/, 'signed bytes hold nothing about a host')
  })

  it('is the same to the byte each time, after a restart too', async () => {
    const first = await get('/simple/demo-app/', JSON_PAGE)
    await using again = await startIndex({ dataDir: index.dataDir })
    const second = await ask(`${again.url}/simple/demo-app/`, { headers: JSON_PAGE })
    assert.ok(first.bytes.equals(second.bytes))
    assert.equal(first.headers.etag, second.headers.etag)
  })
})

describe('7.3.4: caching and encodings of pages', () => {
  const decoders = {
    gzip: gunzipSync,
    br: brotliDecompressSync,
    zstd: zstdDecompressSync,
    identity: (b: Buffer) => b,
  } as const

  for (const encoding of ['gzip', 'br', 'zstd', 'identity'] as const) {
    for (const path of ['/simple/', '/simple/demo-app/']) {
      it(`${path} as ${encoding}: the same bytes, a tag of its own, HEAD equal to GET`, async () => {
        const headers = { ...JSON_PAGE, 'accept-encoding': encoding }
        const plain = await get(path, JSON_PAGE)
        const answer = await get(path, headers)
        const coded = answer.headers['content-encoding']
        assert.ok(decoders[(coded ?? 'identity') as typeof encoding](answer.bytes).equals(plain.bytes))
        if (plain.bytes.length > 1000 && encoding !== 'identity') assert.equal(coded, encoding)
        assert.equal(answer.headers.etag === plain.headers.etag, coded === undefined)
        assert.match(answer.headers.etag ?? '', /^"[^"]+"$/, 'strong')
        assert.equal(answer.headers['cache-control'], 'no-cache')
        assert.equal(answer.headers['content-length'], String(answer.bytes.length))

        const head = await ask(`${index.url}${path}`, { method: 'HEAD', headers })
        const { date: _a, 'x-request-id': _c, ...headHeaders } = head.headers
        const { date: _b, 'x-request-id': _d, ...getHeaders } = answer.headers
        assert.deepEqual([head.status, head.bytes.length, headHeaders], [200, 0, getHeaders])

        for (const tag of [answer.headers.etag ?? '', `"other", W/${answer.headers.etag}`, '*']) {
          const same = await get(path, { ...headers, 'if-none-match': tag })
          assert.deepEqual([same.status, same.bytes.length, same.headers.etag], [304, 0, answer.headers.etag])
          assert.equal(same.headers.vary, 'Accept, Accept-Encoding')
          assert.equal(same.headers['cache-control'], 'no-cache')
        }
        assert.equal((await get(path, { ...headers, 'if-none-match': '"other"' })).status, 200)
      })
    }
  }

  it('CACHE-POIS: the tags of HTML and JSON differ, and no header of the request gets into a page', async () => {
    const html = await get('/simple/demo-app/')
    const json = await get('/simple/demo-app/', JSON_PAGE)
    assert.notEqual(html.headers.etag, json.headers.etag)
    assert.equal(
      (await get('/simple/demo-app/', { ...JSON_PAGE, 'if-none-match': html.headers.etag ?? '' })).status,
      200,
    )
    for (const path of ['/simple/', '/simple/demo-app/', '/simple/Demo_App', '/simple/nope/']) {
      const poisoned = await get(path, {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-prefix': '/evil',
      })
      assert.doesNotMatch(poisoned.text + JSON.stringify(poisoned.headers), /evil/)
    }
  })
})

/** Both ways a file gets here: an upload, and an upstream's at its first and at later downloads. */
describe('7.3.5: files', () => {
  for (const [title, file] of [
    ['an uploaded file', wheel],
    ['an upstream’s file', mirrored],
  ] as readonly [string, Distribution][]) {
    describe(title, () => {
      const size = file.bytes.length
      before(async () => {
        const first = await ask(index.fileUrl(file))
        assert.ok(first.status === 200 && first.bytes.equals(file.bytes))
      })

      it('is sent as it is, immutable, with its sha256 as the tag', async () => {
        const answer = await get(`/files/${file.name}/${file.sha256}/${file.filename}`, {
          'accept-encoding': 'gzip, br',
        })
        assert.ok(answer.bytes.equals(file.bytes))
        const { headers } = answer
        assert.deepEqual(
          [
            headers['content-encoding'],
            headers['content-length'],
            headers['accept-ranges'],
            headers.etag,
            headers['cache-control'],
            headers['content-type'],
          ],
          [
            undefined,
            String(size),
            'bytes',
            `"${file.sha256}"`,
            'public, max-age=365000000, immutable',
            'application/octet-stream',
          ],
        )
        assert.equal(headers['x-content-type-options'], 'nosniff')
      })

      for (const [range, from, to] of [
        ['bytes=0-0', 0, 1],
        ['bytes=-500', size - 500, size],
        ['bytes=5-', 5, size],
        ['bytes=10-19', 10, 20],
        [`bytes=0-${size + 100}`, 0, size],
        [`bytes=-${size + 100}`, 0, size],
      ] as const) {
        it(`Range ${range} gets exactly that`, async () => {
          const answer = await ask(index.fileUrl(file), { headers: { range } })
          assert.equal(answer.status, 206)
          assert.ok(answer.bytes.equals(file.bytes.subarray(from, to)))
          assert.equal(answer.headers['content-range'], `bytes ${from}-${to - 1}/${size}`)
          assert.equal(answer.headers['content-length'], String(to - from))
        })
      }

      it('a range beyond the end is 416 with the size', async () => {
        const answer = await ask(index.fileUrl(file), { headers: { range: `bytes=${size}-` } })
        assert.deepEqual([answer.status, answer.headers['content-range']], [416, `bytes */${size}`])
        assert.equal(answer.headers['cache-control'], 'no-store')
      })

      for (const range of ['bytes=abc', 'lines=0-5', 'bytes=9-5', 'bytes=0-1,5-6']) {
        it(`RANGE: ${range} is answered with everything`, async () => {
          const answer = await ask(index.fileUrl(file), { headers: { range } })
          assert.ok(answer.status === 200 && answer.bytes.equals(file.bytes))
        })
      }

      it('If-Range goes by the tag', async () => {
        const same = await ask(index.fileUrl(file), { headers: { range: 'bytes=0-9', 'if-range': `"${file.sha256}"` } })
        const other = await ask(index.fileUrl(file), { headers: { range: 'bytes=0-9', 'if-range': '"other"' } })
        assert.deepEqual([same.status, other.status, other.bytes.length], [206, 200, size])
      })

      it('HEAD says what GET says, and If-None-Match is a 304', async () => {
        const head = await ask(index.fileUrl(file), { method: 'HEAD' })
        const whole = await ask(index.fileUrl(file))
        const { date: _a, 'x-request-id': _c, ...headHeaders } = head.headers
        const { date: _b, 'x-request-id': _d, ...getHeaders } = whole.headers
        assert.deepEqual([head.status, headHeaders], [200, getHeaders])
        const same = await ask(index.fileUrl(file), { headers: { 'if-none-match': `"${file.sha256}"` } })
        assert.deepEqual([same.status, same.bytes.length], [304, 0])
      })

      it('7.3.6: its metadata stands beside it, byte for byte, under the hash that the page says', async () => {
        const page = await index.page(file.name)
        const listed = page.files.find(({ filename }) => filename === file.filename)?.['core-metadata']
        const sidecar = await ask(`${index.fileUrl(file)}.metadata`)
        assert.equal(sidecar.text, file.metadata)
        assert.deepEqual(listed, { sha256: createHash('sha256').update(sidecar.bytes).digest('hex') })
        const head = await ask(`${index.fileUrl(file)}.metadata`, { method: 'HEAD' })
        assert.deepEqual([head.status, head.headers['content-length']], [200, String(sidecar.bytes.length)])
      })
    })
  }

  it('an sdist has no sidecar, and its page does not promise one', async () => {
    const lone = buildSdist({ name: 'lone-sdist', version: '1.0' })
    assert.equal((await index.upload(lone)).status, 200)
    assert.ok(!('core-metadata' in ((await index.page('lone-sdist')).files[0] ?? {})))
    assert.equal((await ask(`${index.fileUrl(lone)}.metadata`)).status, 404)
  })

  for (const path of [
    '/files/demo-app/',
    `/files/demo-app/${wheel.sha256}/`,
    `/files/demo-app/${wheel.sha256}/${wheel.filename}/`,
    `/files/demo-app/${wheel.sha256.toUpperCase()}/${wheel.filename}`,
    `/files/demo-app/${'0'.repeat(64)}/${wheel.filename}`,
    `/files/demo-app/${wheel.sha256}/${sdist.filename}`,
    `/files/mirrored/${wheel.sha256}/${wheel.filename}`,
    `/files/demo-app/${wheel.sha256}/${wheel.filename}.asc`,
  ]) {
    it(`${path.replace(/[0-9a-fA-F]{64}/, '…')} is 404`, async () => assert.equal((await get(path)).status, 404))
  }
})

describe('7.3.7: a refused file', () => {
  before(async () => {
    const quarantine = { status: 'quarantined', reason: 'Schadcode – prüfen' }
    assert.equal((await index.upload(buildWheel({ name: 'closed', version: '1.0' }))).status, 200)
    assert.equal((await index.manage('PUT', '/projects/closed/status', quarantine)).status, 200)
  })

  for (const suffix of ['', '.metadata']) {
    it(`says why in the reason phrase and in a problem document: file${suffix}`, async () => {
      const answer = await ask(`${index.fileUrl(buildWheel({ name: 'closed', version: '1.0' }))}${suffix}`)
      assert.equal(answer.status, 403)
      assert.match(answer.reason, /closed is quarantined: Schadcode - pr.fen/)
      assert.equal(answer.headers['content-type'], 'application/problem+json')
      assert.equal(answer.headers['cache-control'], 'no-store')
      const problem = answer.json() as Record<string, unknown>
      assert.equal(problem['code'], 'file-quarantined')
      assert.equal(problem['status'], 403)
      assert.equal(problem['detail'], 'closed is quarantined: Schadcode – prüfen. Ask for it: waxseal request closed')
      const base = index.fileUrl(buildWheel({ name: 'closed', version: '1.0' }))
      assert.equal(new URL(String(problem['why']), base).href, `${index.url}/why/closed`)
      const help = await ask(new URL(String(problem['type']), base).href)
      assert.equal(help.status, 200, 'every code has a page')
      assert.match(help.text, /file-quarantined/)
    })
  }

  it('API-STATUS: its page is 200 without files, it is not listed, and the JSON API says 404', async () => {
    const page = await index.page('closed')
    assert.deepEqual([page.files, page.versions, page['project-status'].status], [[], [], 'quarantined'])
    assert.ok(!(await index.listed()).includes('closed'))
    const answer = await get('/pypi/closed/json')
    assert.deepEqual([answer.status, answer.json()], [404, { message: 'Not Found' }])
    assert.equal(answer.headers['cache-control'], 'no-store')
  })
})

describe('7.3.12, 2.4: what bandersnatch needs', () => {
  it('the list has a serial for the whole and for every project, and answers without the final slash by 302', async () => {
    const list = (await get('/simple/', JSON_PAGE)).json() as {
      meta: Record<string, number>
      projects: Record<string, unknown>[]
    }
    assert.ok(list.projects.length > 0)
    for (const project of list.projects) {
      assert.ok(Number(project['_last-serial']) <= (list.meta['_last-serial'] ?? 0))
      const answer = await get(`/pypi/${String(project['name'])}/json`)
      assert.equal(answer.status, 200)
      assert.ok(Number(answer.headers['x-pypi-last-serial']) >= Number(project['_last-serial']))
      assert.equal((answer.json() as { last_serial: number }).last_serial, Number(answer.headers['x-pypi-last-serial']))
    }
  })

  it('every url of releases gives the file with the sha256 that stands beside it', async () => {
    const document = (await get('/pypi/demo-app/json')).json() as {
      info: Record<string, unknown>
      releases: Record<string, { url: string; digests: Record<string, string>; filename: string }[]>
    }
    assert.deepEqual(Object.keys(document.releases), ['1.0', '1.9', '1.10'])
    assert.equal(document.info['version'], '1.10')
    for (const file of Object.values(document.releases).flat()) {
      const { bytes } = await ask(file.url)
      assert.equal(createHash('sha256').update(bytes).digest('hex'), file.digests['sha256'])
    }
    const release = (await get('/pypi/demo-app/1.0.0/json')).json() as {
      info: Record<string, unknown>
      releases?: unknown
    }
    assert.deepEqual([release.info['version'], release.releases], ['1.0', undefined])
    assert.equal((await get('/pypi/demo-app/3.0/json')).status, 404)
    assert.equal((await get('/pypi/demo-app/json/')).status, 200)
    assert.equal((await get('//pypi//Demo_App//json')).status, 200)
  })

  it('HEAD of a document says what GET says, but perhaps its length (RFC 9110 8.6)', async () => {
    const lasting = ({ date: _a, 'content-length': _b, 'x-request-id': _c, ...headers }: Answer['headers']) => headers
    for (const path of ['/pypi/demo-app/json', '/why/demo-app', '/', '/-/health']) {
      const head = await ask(`${index.url}${path}`, { method: 'HEAD' })
      const whole = await get(path)
      assert.deepEqual([head.status, head.bytes.length, lasting(head.headers)], [200, 0, lasting(whole.headers)], path)
    }
  })

  it('the serial rises with every visible change, and not without one', async () => {
    const serial = async (): Promise<number> =>
      Number((await get('/simple/counted/', JSON_PAGE)).headers['x-pypi-last-serial'])
    const file = buildWheel({ name: 'counted', version: '1.0' })
    const changes: readonly (() => Promise<Answer>)[] = [
      () => index.upload(file),
      () => index.manage('PUT', '/projects/counted/releases/1.0/yank', { reason: 'bad' }),
      () => index.manage('PUT', '/projects/counted/releases/1.0/yank', { reason: 'worse' }),
      () => index.manage('DELETE', '/projects/counted/releases/1.0/yank'),
      () => index.manage('PUT', '/projects/counted/status', { status: 'deprecated', reason: 'use another' }),
      () => index.manage('PUT', '/projects/counted/status', { status: 'quarantined' }),
      () => index.manage('PUT', '/projects/counted/status', { status: 'active' }),
      () => index.upload(buildWheel({ name: 'counted', version: '2.0' })),
      () => index.manage('DELETE', `/projects/counted/files/${file.filename}`),
      () => index.manage('DELETE', '/projects/counted'),
    ]
    let last = 0
    for (const [number, change] of changes.entries()) {
      const answer = await change()
      assert.equal(answer.status, 200, `change ${number}: ${answer.text}`)
      const now = await serial()
      assert.ok(now > last, `change ${number}: ${now} is not above ${last}`)
      const document = await get('/pypi/counted/json')
      if (document.status === 200) assert.equal(Number(document.headers['x-pypi-last-serial']), now)
      last = now
    }
    const unchanged = await index.manage('DELETE', '/projects/counted')
    assert.deepEqual([unchanged.status, (unchanged.json() as { changed: boolean }).changed], [200, false])
    assert.equal(await serial(), last)
  })
})

describe('7.3.15: what a mirrored project keeps', () => {
  it('upload-time, yanked, requires-python, core-metadata, size and sha256 are the upstream’s', async () => {
    const [file] = (await index.page('mirrored')).files
    assert.deepEqual(file, {
      'core-metadata': { sha256: createHash('sha256').update(mirrored.metadata).digest('hex') },
      filename: mirrored.filename,
      hashes: { sha256: mirrored.sha256 },
      'requires-python': '>=3.7',
      size: mirrored.bytes.length,
      'upload-time': '2023-05-06T07:08:09.123456Z',
      url: `../../files/mirrored/${mirrored.sha256}/${mirrored.filename}`,
      yanked: 'breaks "everything" <here>',
    })
  })

  it('7.3.16: an upstream that fails gets the last page, or a 503 for that project, never an empty page', async () => {
    index.pass(REFRESH_MS)
    upstream.setFault('/simple/', { kind: 'status', status: 500 })
    assert.deepEqual(await index.filenames('mirrored'), [mirrored.filename])
    assert.equal((await get('/simple/never-seen/', JSON_PAGE)).status, 503)
    assert.equal((await get('/pypi/never-seen/json')).status, 503)
    assert.deepEqual(
      await index.filenames('demo-app'),
      [wheel, older, newer].map(({ filename }) => filename),
    )
    upstream.clearFaults()
  })
})
