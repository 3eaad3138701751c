import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { addressOf } from '../../support/behind-upstream.ts'
import type { Distribution } from '../../support/python-projects.ts'
import { ask } from '../../support/raw-http.ts'
import type { Reply } from '../../support/raw-http.ts'
import type { Seeded } from '../../support/seeded.ts'
import { sha256Of } from '../../support/upstream-simulator.ts'
import type { Actor, Soak } from '../scene.ts'
import { askAgain, count, problem } from '../scene.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const HTML_TYPE = 'application/vnd.pypi.simple.v1+html'
/** ETags of one reader with the hash of the bytes that came with them. */
const MOST_TAGS = 2000

/** Reads pages as clients do: on connections that stay open, both forms, with the ETag of the last time. */
function pageReader(): Actor {
  const tags = new Map<string, string>()
  const last = new Map<string, string>()
  return {
    name: 'page reader',
    every: 60,
    async act(soak, random) {
      const upload = soak.recent[random.below(soak.recent.length + 1)]
      const cold = upload === undefined ? soak.cold[random.below(soak.cold.length + 1)] : undefined
      const name = upload?.name ?? cold?.name
      if (name === undefined) return
      const accept = random.pick([JSON_TYPE, HTML_TYPE, '*/*'])
      const encoding = random.pick(['gzip', 'br', 'identity', 'gzip, deflate, br, zstd'])
      const key = `${name} ${accept} ${encoding}`
      const tag = last.get(key)
      const conditional = tag === undefined || random.below(2) === 0 ? {} : { 'if-none-match': tag }
      const headers = { accept, 'accept-encoding': encoding, ...conditional }
      const reply = await askAgain(soak, `/simple/${name}/`, { headers })
      count(soak, `page ${reply.status}`)
      if (reply.status === 304) return
      if (reply.status !== 200 || !reply.complete) {
        const upstreamTrouble = cold !== undefined && (reply.status >= 502 || (reply.status === 404 && cold.gone))
        return upstreamTrouble ? undefined : problem(soak, `the page of ${name}: ${reply.status} ${reply.reason}`)
      }
      const etag = reply.headers.etag ?? ''
      const sha256 = sha256Of(reply.body)
      const seen = tags.get(etag)
      if (seen !== undefined && seen !== sha256) problem(soak, `${etag} of ${name} came with two contents`)
      const text = decoded(reply)
      if (accept === JSON_TYPE) JSON.parse(text)
      else if (!text.includes('</html>')) problem(soak, `the page of ${name} is cut: ${text.slice(-100)}`)
      tags.set(etag, sha256)
      last.set(key, etag)
      if (tags.size > MOST_TAGS) tags.clear()
      if (last.size > MOST_TAGS) last.clear()
    },
  }
}

function decoded({ body, headers }: Reply): string {
  switch (headers['content-encoding']) {
    case 'gzip':
      return gunzipSync(body).toString()
    case 'br':
      return brotliDecompressSync(body).toString()
    case 'zstd':
      return zstdDecompressSync(body).toString()
    default:
      return body.toString()
  }
}

/** Reads uploaded files whole and in ranges, their sidecars, and their heads. */
const fileReader: Actor = {
  name: 'file reader',
  every: 100,
  async act(soak, random) {
    const file = soak.recent[random.below(soak.recent.length + 1)]
    if (file === undefined) return
    const url = `${soak.server.url}${addressOf(file.name, file)}`
    const reply = await read(url, file, soak, random)
    if (reply === undefined) return
    const gone = soak.uploads.get(file.filename)?.state === 'deleted' && [404, 410].includes(reply.status)
    if (!gone) problem(soak, `${file.filename}: ${reply.status} ${reply.reason}, complete ${reply.complete}`)
  },
}

/** The answer when it is not what was wanted. */
async function read(url: string, file: Distribution, soak: Soak, random: Seeded): Promise<Reply | undefined> {
  const { bytes } = file
  const right = (reply: Reply, status: number, body: Buffer): Reply | undefined => {
    count(soak, `file ${reply.status}`)
    return reply.complete && reply.status === status && reply.body.equals(body) ? undefined : reply
  }
  switch (random.below(5)) {
    case 0: {
      const from = random.below(bytes.length)
      const to = from + random.below(bytes.length - from)
      const range = { range: `bytes=${from}-${to}` }
      return right(await ask(url, { headers: range }), 206, bytes.subarray(from, to + 1))
    }
    case 1: {
      const suffix = 1 + random.below(Math.min(bytes.length, 10_000))
      return right(await ask(url, { headers: { range: `bytes=-${suffix}` } }), 206, bytes.subarray(-suffix))
    }
    case 2:
      return file.filename.endsWith('.whl')
        ? right(await ask(`${url}.metadata`), 200, Buffer.from(file.metadata))
        : right(await ask(url, { method: 'HEAD' }), 200, Buffer.alloc(0))
    default:
      return right(await ask(url), 200, bytes)
  }
}

/** The other documents: JSON API, explanations, the list, health, and who is not let in. */
const visitor: Actor = {
  name: 'visitor',
  every: 600,
  async act(soak, random) {
    const name = soak.recent[random.below(soak.recent.length + 1)]?.name ?? `absent-${random.below(10_000)}`
    const path = random.pick([
      '/pypi/NAME/json',
      '/why/NAME',
      '/simple/',
      '/-/health',
      '/-/ready',
      '/simple/Not--There/',
      '/nothing',
    ])
    const authorization = random.below(10) === 0 ? { authorization: `Bearer wrong-${random.below(100)}` } : {}
    const reply = await ask(`${soak.server.url}${path.replace('NAME', name)}`, { headers: authorization })
    count(soak, `document ${reply.status}`)
    if (reply.status === 0 || !reply.complete || reply.status === 500) {
      problem(soak, `${path} for ${name}: ${reply.status} ${reply.reason}`)
    }
  },
}

export const READ_ACTORS: readonly Actor[] = [pageReader(), pageReader(), pageReader(), fileReader, fileReader, visitor]
