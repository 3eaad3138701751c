import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { MEGABYTE, peakMemory, residentMemory } from '../support/memory.ts'
import { startWaxseal } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'

const SIZE = (process.env['WAXSEAL_NIGHTLY'] === undefined ? 400 : 2_000) * MEGABYTE
const PIECE = Buffer.alloc(MEGABYTE, 'waxseal ')

interface Member {
  readonly name: string
  readonly size: number
  readonly crc: number
  readonly content: () => Iterable<Buffer>
}

function small(name: string, content: string): Member {
  const bytes = Buffer.from(content)
  return { name, size: bytes.length, crc: crc32(bytes), content: () => [bytes] }
}

function* repeated(): Iterable<Buffer> {
  for (let at = 0; at < SIZE; at += PIECE.length) yield PIECE
}

/** A wheel of stored members, piece by piece: it never stands in memory as a whole. */
function* wheel(members: readonly Member[]): Iterable<Buffer> {
  const central: Buffer[] = []
  let offset = 0
  for (const { name, size, crc, content } of members) {
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(0x5c21, 8)
    fields.writeUInt32LE(crc, 10)
    fields.writeUInt32LE(size, 14)
    fields.writeUInt32LE(size, 18)
    fields.writeUInt16LE(name.length, 22)
    yield Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name)])
    yield* content()
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((0o100644 << 16) >>> 0, 6)
    rest.writeUInt32LE(offset, 10)
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), fields, rest, Buffer.from(name)]))
    offset += 30 + name.length + size
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(members.length, 4)
  end.writeUInt16LE(members.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(offset, 12)
  yield Buffer.concat([directory, Buffer.from('PK\x05\x06'), end])
}

function members(): readonly Member[] {
  const hash = createHash('sha256')
  let crc = 0
  for (const piece of repeated()) {
    hash.update(piece)
    crc = crc32(piece, crc)
  }
  const info = 'huge-1.0.dist-info'
  const metadata = 'Metadata-Version: 2.1\nName: huge\nVersion: 1.0\n'
  const tag = 'Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
  const record = [
    ['huge.bin', hash.digest('base64url'), SIZE],
    [`${info}/METADATA`, createHash('sha256').update(metadata).digest('base64url'), metadata.length],
    [`${info}/WHEEL`, createHash('sha256').update(tag).digest('base64url'), tag.length],
  ].map(([path, digest, size]) => `${path},sha256=${digest},${size}\n`)
  return [
    { name: 'huge.bin', size: SIZE, crc, content: repeated },
    small(`${info}/METADATA`, metadata),
    small(`${info}/WHEEL`, tag),
    small(`${info}/RECORD`, `${record.join('')}${info}/RECORD,,\n`),
  ]
}

void test(`an upload of ${SIZE / MEGABYTE} MB takes flat memory, and its last byte is what was sent`, async (t) => {
  await using server = await startWaxseal({ args: ['--no-upstream'] })
  const all = members()
  const hash = createHash('sha256')
  let size = 0
  for (const piece of wheel(all)) {
    hash.update(piece)
    size += piece.length
  }
  const sha256 = hash.digest('hex')
  const fields = Object.entries({
    ':action': 'file_upload',
    protocol_version: '1',
    metadata_version: '2.1',
    name: 'huge',
    version: '1.0',
    filetype: 'bdist_wheel',
    pyversion: 'py3',
    sha256_digest: sha256,
  }).map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
  const filename = 'huge-1.0-py3-none-any.whl'
  const head = `${fields.join('')}--b\r\nContent-Disposition: form-data; name="content"; filename="${filename}"\r\n\r\n`
  const before = residentMemory(server.pid)
  const upload = request(`${server.url}/legacy/`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.token}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': head.length + size + 9,
    },
  })
  const answered = once(upload, 'response')
  upload.write(head)
  for (const piece of wheel(all)) if (!upload.write(piece)) await once(upload, 'drain')
  upload.end('\r\n--b--\r\n')
  const [response] = await answered
  assert.equal(response.statusCode, 200, `${response.statusMessage} ${await text(response)}`)
  const peak = peakMemory(server.pid)
  const told = `${Math.round(before / MEGABYTE)} MB before, ${Math.round(peak / MEGABYTE)} MB at worst`
  assert.ok(peak - before < 200 * MEGABYTE, told)
  t.diagnostic(told)
  const tail = await fetch(`${server.url}/files/huge/${sha256}/${filename}`, { headers: { range: 'bytes=-22' } })
  assert.equal(tail.status, 206)
  assert.equal(tail.headers.get('content-range'), `bytes ${size - 22}-${size - 1}/${size}`)
  await assertSoundStorage(server.dataDir)
  assertNoServerFault(server)
})
