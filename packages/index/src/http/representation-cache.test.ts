import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { ContentEncoding } from './negotiate.ts'
import { RepresentationCache, type BodyKey } from './representation-cache.ts'

const page = Buffer.from('<a href="demo-1.0-py3-none-any.whl">demo</a>\n'.repeat(400))
const key: BodyKey = { sha256: '0'.repeat(64), contentType: 'text/html; charset=UTF-8' }
const load = async () => ({ bytes: page, headers: ['X-PyPI-Last-Serial', '7'] })

function header(headers: readonly string[], name: string): string | undefined {
  const at = headers.indexOf(name)
  return at === -1 ? undefined : headers[at + 1]
}

test('each encoding decodes to the body and has its own strong tag; all vary by both headers', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync, identity: (b: Buffer) => b }
  const tags = new Set<string>()
  for (const encoding of ['zstd', 'br', 'gzip', 'identity'] as const) {
    const made = await cache.get(key, encoding, load)
    assert.deepEqual(decoders[encoding](made.bytes), page)
    assert.equal(header(made.headers, 'Content-Encoding'), encoding === 'identity' ? undefined : encoding)
    assert.equal(header(made.headers, 'Content-Length'), String(made.bytes.length))
    assert.match(made.etag, /^"[\w-]{43}"$/)
    tags.add(made.etag)
    for (const headers of [made.headers, made.notModifiedHeaders]) {
      assert.equal(header(headers, 'ETag'), made.etag)
      assert.equal(header(headers, 'Cache-Control'), 'no-cache')
      assert.equal(header(headers, 'Vary'), 'Accept, Accept-Encoding')
      assert.equal(header(headers, 'X-PyPI-Last-Serial'), '7')
    }
    assert.equal(header(made.notModifiedHeaders, 'Content-Type'), undefined)
  }
  assert.equal(tags.size, 4)
})

test('what is kept is as large as what is accounted for: no view of a larger buffer', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  for (const encoding of ['zstd', 'br', 'gzip', 'identity'] as const) {
    const { bytes } = await cache.get(key, encoding, load)
    assert.equal(bytes.buffer.byteLength, bytes.length, encoding)
  }
  const small = { ...key, sha256: '2'.repeat(64) }
  const { bytes } = await cache.get(small, 'identity', async () => ({ bytes: Buffer.from('a page') }))
  assert.equal(bytes.buffer.byteLength, bytes.length)
})

test('CACHE-KEY, CACHE-POIS: neither another body nor another type or encoding shares a slot', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  await cache.get(key, 'gzip', load)
  assert.ok(cache.peek(key, 'gzip'))
  assert.equal(cache.peek(key, 'br'), undefined)
  assert.equal(cache.peek({ ...key, sha256: '1'.repeat(64) }, 'gzip'), undefined)
  assert.equal(cache.peek({ ...key, contentType: 'application/vnd.pypi.simple.v1+json' }, 'gzip'), undefined)
})

test('a body is loaded and encoded once, however many ask at once', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  let loads = 0
  const counted = () => {
    loads += 1
    return load()
  }
  const encodings: ContentEncoding[] = ['zstd', 'br', 'gzip', 'identity']
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, i) => cache.get(key, encodings[i % 4] ?? 'identity', counted)),
  )
  assert.equal(loads, 1)
  assert.equal(new Set(made).size, 4)
})

test('small bodies, and bodies that do not shrink, are sent as they are', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  const small = await cache.get(key, 'gzip', async () => ({ bytes: Buffer.from('a'.repeat(1_000)) }))
  assert.equal(header(small.headers, 'Content-Encoding'), undefined)
  const random = await cache.get({ ...key, sha256: '1' }, 'gzip', async () => ({ bytes: randomBytes(4_096) }))
  assert.equal(header(random.headers, 'Content-Encoding'), undefined)
  assert.equal(random.bytes.length, 4_096)
})

test('the bound in bytes holds; the least recently used goes first', async () => {
  const cache = new RepresentationCache({ maxBytes: 60_000 })
  const body = (sha256: string) =>
    cache.get({ ...key, sha256 }, 'identity', async () => ({ bytes: Buffer.alloc(18_000) }))
  await body('a')
  await body('b')
  await body('c')
  assert.ok(cache.peek({ ...key, sha256: 'a' }, 'identity'))
  await body('d')
  assert.equal(cache.peek({ ...key, sha256: 'b' }, 'identity'), undefined)
  for (const sha256 of ['a', 'c', 'd']) assert.ok(cache.peek({ ...key, sha256 }, 'identity'), sha256)
  assert.ok(cache.bytes <= 60_000)
  for (let i = 0; i < 50; i += 1) await body(String(i))
  assert.ok(cache.bytes <= 60_000)
})

test('a body that would push out everything else is served and not kept', async () => {
  const cache = new RepresentationCache({ maxBytes: 60_000 })
  const made = await cache.get(key, 'identity', async () => ({ bytes: Buffer.alloc(50_000) }))
  assert.equal(made.bytes.length, 50_000)
  assert.equal(cache.bytes, 0)
})

test('CACHE-POIS: an error reaches everybody who waits and is not kept', async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  const failing = async () => {
    throw new Error('disk')
  }
  const outcomes = await Promise.allSettled([cache.get(key, 'gzip', failing), cache.get(key, 'br', failing)])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.deepEqual(gunzipSync((await cache.get(key, 'gzip', load)).bytes), page)
})
