import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { globalAgent } from 'node:https'
import { suite, test } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { HttpRemote } from '../src/client/http-remote.ts'
import type { FetchLimits } from '../src/client/trust-io.ts'
import { keyService } from './support/key-service.ts'
import { RepositoryServer } from './support/repository-server.ts'
import { RepositorySimulator } from './support/repository-simulator.ts'
import { Visitor } from './support/visitor.ts'

const LIMITS: FetchLimits = { maxBytes: 1024 * 1024, deadlineMs: 60_000 }

async function start() {
  const repository = await RepositorySimulator.create()
  const server = await RepositoryServer.start(repository)
  const remote = new HttpRemote({ metadataUrl: server.metadataUrl, targetsUrl: server.targetsUrl })
  return { repository, server, remote }
}

suite('A repository behind HTTP', { concurrency: true }, () => {
  void test('what is there comes as it is, what is not is undefined', async () => {
    const { repository, server, remote } = await start()
    await using _ = server
    assert.deepEqual(await remote.metadata('timestamp.json', LIMITS), repository.file('timestamp.json'))
    assert.equal(await remote.metadata('2.root.json', LIMITS), undefined)
    assert.equal(await remote.target('file', LIMITS), undefined)
    assert.equal(await new HttpRemote({ metadataUrl: server.metadataUrl }).target('file', LIMITS), undefined)
  })

  for (const [status, absent] of [
    [403, true],
    [410, true],
    [401, false],
    [429, false],
    [500, false],
    [206, false],
  ] as const) {
    void test(`${status} is ${absent ? 'an absence' : 'an error, never an absence'}`, async () => {
      const { server, remote } = await start()
      await using _ = server
      server.answer = (_request, response) => {
        response.writeHead(status).end('{}')
        return true
      }
      if (absent) assert.equal(await remote.metadata('2.root.json', LIMITS), undefined)
      else await assert.rejects(remote.metadata('2.root.json', LIMITS), { code: 'fetch-failed' })
    })
  }

  void test('a whole refresh and a download go through it', async () => {
    const { repository, server, remote } = await start()
    await using _ = server
    repository.addTarget('targets', 'dir/a file', 'content')
    await repository.publish('targets')
    await using visitor = await Visitor.arrive(repository, remote)
    await visitor.client.refresh()
    assert.equal(await visitor.download('dir/a file'), 'content')
  })

  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    void test(`metadata that is compressed by ${encoding} is decoded; cut short it is an error`, async () => {
      const { repository, server, remote } = await start()
      await using _ = server
      const bytes = repository.file('timestamp.json')
      let compressed: Uint8Array = compress(bytes)
      server.answer = (request, response) => {
        assert.match(request.headers['accept-encoding'] ?? '', new RegExp(encoding))
        response.writeHead(200, { 'content-encoding': encoding }).end(compressed)
        return true
      }
      assert.deepEqual(await remote.metadata('timestamp.json', LIMITS), bytes)
      compressed = compressed.subarray(0, -12)
      await assert.rejects(remote.metadata('timestamp.json', LIMITS), { code: 'fetch-failed' })
    })
  }

  void test('an encoding that nobody asked for is an error', async () => {
    const { server, remote } = await start()
    await using _ = server
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'compress' }).end('x')
      return true
    }
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), { code: 'fetch-failed' })
  })

  void test('redirects are followed, a few of them, and secrets stay where they belong', async () => {
    const { repository, server } = await start()
    await using _ = server
    const other = await RepositoryServer.start(repository)
    await using __ = other
    const remote = new HttpRemote({ metadataUrl: server.metadataUrl, headers: { authorization: 'secret' } })
    const seen: (string | undefined)[] = []
    server.answer = (request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(302, { location: `${other.metadataUrl}/timestamp.json` }).end()
      return true
    }
    other.answer = (request) => {
      seen.push(request.headers.authorization)
      return false
    }
    assert.deepEqual(await remote.metadata('timestamp.json', LIMITS), repository.file('timestamp.json'))
    assert.deepEqual(seen, ['secret', undefined])
    server.answer = (_request, response) => {
      response.writeHead(302, { location: 'timestamp.json' }).end()
      return true
    }
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), /redirects too often/)
  })

  void test('a redirect from HTTPS leads to HTTPS alone', async (t) => {
    const { server } = await start()
    await using _ = server
    let location = `${server.metadataUrl}/timestamp.json`
    const secure = await keyService(
      t,
      ({ path }) =>
        path === '/there/timestamp.json'
          ? { status: 200, document: { here: true } }
          : { status: 307, document: {}, headers: { location } },
      true,
    )
    // As a system's own authorities would be known.
    globalAgent.options.ca = await readFile(secure.caFile)
    t.after(() => {
      delete globalAgent.options.ca
    })
    const remote = new HttpRemote({ metadataUrl: `${secure.url}/metadata` })
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), {
      code: 'fetch-failed',
      message: /away from HTTPS/,
    })
    assert.deepEqual(server.requests, [])
    location = '/there/timestamp.json'
    assert.deepEqual(Buffer.from((await remote.metadata('timestamp.json', LIMITS)) ?? []).toString(), '{"here":true}')
  })

  void test('FZ-CACHE: caches on the way are told not to answer by themselves', async () => {
    const { server, remote } = await start()
    await using _ = server
    let told: string | undefined
    server.answer = (request) => {
      told = request.headers['cache-control']
      return false
    }
    await remote.metadata('timestamp.json', LIMITS)
    assert.equal(told, 'no-cache')
  })

  void test('ED-DEC: what a few compressed bytes grow to counts', async () => {
    const { server, remote } = await start()
    await using _ = server
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    assert.ok(bomb.length < 16 * 1024 * 16)
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      return true
    }
    await assert.rejects(remote.metadata('timestamp.json', { ...LIMITS, maxBytes: 16 * 1024 }), {
      code: 'limit-exceeded',
    })
  })

  void test('ED-META: an endless answer is left, and the connection with it', async () => {
    const { server, remote } = await start()
    await using _ = server
    const closed = new Promise<void>((resolve) => {
      server.answer = (_request, response) => {
        void once(response, 'close').then(() => resolve())
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(16 * 1024)));
        }
        response.writeHead(200).on('drain', more)
        more()
        return true
      }
    })
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), { code: 'limit-exceeded' })
    await closed
  })

  void test('SR-1: an answer that does not come is given up at the deadline', async () => {
    const { server, remote } = await start()
    await using _ = server
    server.answer = () => true
    await assert.rejects(remote.metadata('timestamp.json', { ...LIMITS, deadlineMs: 50 }), /it takes too long/)
  })

  void test('SR-1: an answer that stops half way is given up at the deadline', async () => {
    const { server, remote } = await start()
    await using _ = server
    server.answer = (_request, response) => {
      response.writeHead(200).write('{')
      return true
    }
    const error = /it takes too long/
    await assert.rejects(remote.metadata('timestamp.json', { ...LIMITS, deadlineMs: 50 }), error)
    await assert.rejects(async () => {
      const target = await remote.target('file', { ...LIMITS, deadlineMs: 50 })
      for await (const piece of target ?? []) assert.ok(piece.length > 0)
    }, error)
  })

  void test('SR-1: an answer that crawls is given up long before the deadline', async () => {
    const { server } = await start()
    await using _ = server
    const remote = new HttpRemote({
      metadataUrl: server.metadataUrl,
      minBytesPerSecond: 1_000_000,
      slowStartMs: 50,
    })
    server.answer = (_request, response) => {
      response.writeHead(200).write('{')
      return true
    }
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), /it comes too slowly/)
  })

  void test('an address where nobody answers is an error of its own', async () => {
    const { server, remote } = await start()
    await server[Symbol.asyncDispose]()
    await assert.rejects(remote.metadata('timestamp.json', LIMITS), { code: 'fetch-failed' })
  })
})
