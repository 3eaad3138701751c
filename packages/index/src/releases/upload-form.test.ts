import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSpool } from '../blobs/spool.ts'
import type { Spool } from '../blobs/spool.ts'
import { MAX_UPLOAD_FIELDS } from '../limits.ts'
import { discardUploadForm, readUploadForm } from './upload-form.ts'
import type { UploadForm } from './upload-form.ts'
import type { Refusal } from './refusal.ts'

const BOUNDARY = 'xYzBoundary'
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`
const MB = 1024 * 1024

type Part = {
  readonly name: string
  readonly value: string | Uint8Array
  readonly filename?: string
  readonly type?: string
}

function encode(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces = parts.flatMap(({ name, value, filename, type }) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n` +
        `${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...pieces, Buffer.from(end)])
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function withSpool(work: (spool: Spool, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-form-'))
  try {
    await work(await openSpool(folder), folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const content: Part = {
  name: 'content',
  value: 'the bytes\r\nof a file',
  filename: 'a-1.0.tar.gz',
  type: 'application/octet-stream',
}
const fields: readonly Part[] = [
  { name: ':action', value: 'file_upload' },
  { name: 'name', value: 'a' },
  { name: 'classifiers', value: 'One' },
  { name: 'classifiers', value: 'Zwei – 2' },
  { name: 'requires_python', value: '' },
]

async function read(
  spool: Spool,
  parts: readonly Part[],
  options: { pieces?: number; maxFileSize?: number; end?: string } = {},
): Promise<UploadForm | Refusal> {
  const bytes = encode(parts, options.end)
  return readUploadForm(inPieces(bytes, options.pieces ?? 65_536), TYPE, {
    spool,
    maxFileSize: options.maxFileSize ?? MB,
  })
}

test('fields and file are read whichever comes first, and however the bytes arrive', () =>
  withSpool(async (spool, folder) => {
    for (const parts of [
      [...fields, content],
      [content, ...fields],
      [...fields.slice(0, 2), content, ...fields.slice(2)],
    ]) {
      for (const pieces of [1, 7, 65_536]) {
        const form = await read(spool, parts, { pieces })
        assert.ok(form.kind === 'form', JSON.stringify(form))
        assert.deepEqual(form.fields.get('classifiers'), ['One', 'Zwei – 2'])
        assert.deepEqual(form.fields.get('requires_python'), [''])
        assert.ok(form.file)
        assert.equal(form.file.filename, 'a-1.0.tar.gz')
        assert.equal(form.file.contentType, 'application/octet-stream')
        assert.equal(await readFile(form.file.spooled.path, 'utf8'), 'the bytes\r\nof a file')
        assert.equal(form.file.spooled.sha256, createHash('sha256').update('the bytes\r\nof a file').digest('hex'))
        assert.equal(form.file.spooled.size, 20)
        await discardUploadForm(form)
        assert.deepEqual(await readdir(folder), [])
      }
    }
  }))

test('a form without a file, and one with an empty file, are forms', () =>
  withSpool(async (spool) => {
    const without = await read(spool, fields)
    assert.equal(without.kind === 'form' && without.file, undefined)
    const empty = await read(spool, [...fields, { ...content, value: '' }])
    assert.equal(empty.kind === 'form' && empty.file?.spooled.size, 0)
  }))

test('FN-PATH: the file name arrives as it was sent, path and all', () =>
  withSpool(async (spool) => {
    const form = await read(spool, [{ ...content, filename: '../../etc/x.whl' }])
    assert.equal(form.kind === 'form' && form.file?.filename, '../../etc/x.whl')
  }))

test('an OpenPGP signature is ignored, another field sent as a file is refused in PyPI’s words', () =>
  withSpool(async (spool, folder) => {
    const signed = await read(spool, [...fields, content, { name: 'gpg_signature', value: 'x', filename: 'a.asc' }])
    assert.equal(signed.kind, 'form')
    if (signed.kind === 'form') await discardUploadForm(signed)
    assert.deepEqual(await read(spool, [content, { name: 'summary', value: 'x', filename: 'summary' }]), {
      kind: 'refused',
      code: 'upload-form-invalid',
      message: 'summary: Should not be a tuple.',
    })
    const two = await read(spool, [content, content])
    assert.equal(two.kind === 'refused' && two.message, 'An upload has exactly one file.')
    assert.deepEqual(await readdir(folder), [])
  }))

test('a form that ends early is refused and leaves nothing, wherever it ends', () =>
  withSpool(async (spool, folder) => {
    const whole = encode([...fields, content, { name: 'version', value: '1.0' }])
    for (let end = 0; end < whole.length - 4; end++) {
      const outcome = await readUploadForm(inPieces(whole.subarray(0, end), 50), TYPE, { spool, maxFileSize: MB })
      assert.equal(outcome.kind === 'refused' && outcome.code, 'upload-incomplete', `cut at ${end}`)
    }
    assert.deepEqual(await readdir(folder), [])
  }))

test('a connection that breaks leaves nothing', () =>
  withSpool(async (spool, folder) => {
    const bytes = encode([...fields, { ...content, value: randomBytes(300_000) }])
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 200_000)
      throw new Error('ECONNRESET')
    }
    const outcome = await readUploadForm(broken(), TYPE, { spool, maxFileSize: MB })
    assert.equal(outcome.kind === 'refused' && outcome.code, 'upload-incomplete')
    assert.deepEqual(await readdir(folder), [])
  }))

test('a file above the limit is refused before the rest of it is read, and the request can still be answered', () =>
  withSpool(async (spool, folder) => {
    let sent = 0
    const head = encode([{ ...content, value: '' }], '').subarray(0, -2)
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield head
      for (;;) {
        sent += 65_536
        yield Buffer.alloc(65_536)
      }
    }
    const body = Readable.from(endless())
    const outcome = await readUploadForm(body, TYPE, { spool, maxFileSize: MB })
    assert.deepEqual(outcome, {
      kind: 'refused',
      code: 'upload-too-large',
      message: 'File too large. The limit for one file is 1 MB.',
    })
    assert.ok(sent < 4 * MB, `${sent} bytes were read`)
    assert.equal(body.destroyed, false)
    body.destroy()
    assert.deepEqual(await readdir(folder), [])
  }))

test('fields are limited in number, in length and together', () =>
  withSpool(async (spool) => {
    const message = async (parts: readonly Part[]): Promise<string> => {
      const outcome = await read(spool, parts)
      return outcome.kind === 'refused' ? outcome.message : outcome.kind
    }
    const long = (name: string, size: number): Part => ({ name, value: 'x'.repeat(size) })
    assert.equal(await message([long('summary', 70_000)]), "The field 'summary' is longer than 64 KB.")
    assert.equal(await message([long('description', 7 * MB)]), 'form')
    assert.equal(await message([long('description', 9 * MB)]), "The field 'description' is longer than 8 MB.")
    assert.equal(await message([long('license', 70_000)]), 'form')
    assert.equal(
      await message(Array.from({ length: 300 }, () => long('classifiers', 60_000))),
      'The fields of an upload may have 16 MB at most.',
    )
    assert.equal(
      await message(Array.from({ length: MAX_UPLOAD_FIELDS + 1 }, () => long('a', 1))),
      'An upload may have 5000 fields at most.',
    )
  }))

test('another content type is refused', () =>
  withSpool(async (spool) => {
    for (const type of [
      undefined,
      '',
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'multipart/form-data; boundary=',
    ]) {
      const outcome = await readUploadForm(inPieces(encode(fields), 100), type, { spool, maxFileSize: MB })
      assert.equal(outcome.kind, 'refused', String(type))
    }
  }))

test('a disk that fails is no refusal', () =>
  withSpool(async (_spool, folder) => {
    const spool = await openSpool(join(folder, 'gone'))
    await rm(join(folder, 'gone'), { recursive: true })
    await assert.rejects(read(spool, [...fields, content]), { code: 'storage-failed' })
  }))

test('SR-2: whatever a body holds, it ends in a form or a refusal, never in a hang', () =>
  withSpool(async (spool, folder) => {
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '\n', '--', `--${BOUNDARY}`, `\r\n--${BOUNDARY}\r\n`, `--${BOUNDARY}--`, '\r\n\r\n', ':'),
      fc.constantFrom(
        'Content-Disposition: form-data; name="content"; filename="a"\r\n\r\n',
        'Content-Disposition: form-data; name="a"\r\n\r\n',
      ),
      fc.constantFrom(
        'Content-Type: text/plain; charset=x\r\n',
        'Content-Disposition: form-data\r\n',
        "Content-Disposition: form-data; name*=utf-8''%ff\r\n\r\n",
      ),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 40 }), async (pieces, size) => {
        const outcome = await readUploadForm(inPieces(Buffer.from(pieces.join('')), size), TYPE, {
          spool,
          maxFileSize: 100,
        })
        if (outcome.kind === 'form') await discardUploadForm(outcome)
      }),
      { numRuns: 500 },
    )
    assert.deepEqual(await readdir(folder), [])
  }))

test('memory stays flat for a large file', () =>
  withSpool(async (spool) => {
    const head = encode([...fields, { ...content, value: '' }], '').subarray(0, -2)
    const chunk = randomBytes(MB)
    const total = 300
    let highest = 0
    async function* large(): AsyncGenerator<Uint8Array> {
      yield head
      for (let i = 0; i < total; i++) {
        yield chunk
        if (i % 10 === 0) highest = Math.max(highest, process.memoryUsage.rss())
      }
      yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
    }
    const before = process.memoryUsage.rss()
    const form = await readUploadForm(large(), TYPE, { spool, maxFileSize: 1024 * MB })
    assert.equal(form.kind === 'form' && form.file?.spooled.size, total * MB)
    assert.ok(highest - before < 80 * MB, `grew by ${Math.round((highest - before) / MB)} MB`)
    if (form.kind === 'form') await discardUploadForm(form)
  }))
