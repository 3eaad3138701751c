import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import type { BusboyInstance } from '@fastify/busboy'
import type { Spool, SpoolWriter, SpooledUpload } from '../blobs/spool.ts'
import {
  MAX_UPLOAD_DESCRIPTION,
  MAX_UPLOAD_DOCUMENT,
  MAX_UPLOAD_FIELD,
  MAX_UPLOAD_FIELDS,
  MAX_UPLOAD_FIELDS_TOTAL,
  MAX_UPLOAD_PART_HEADER,
} from '../limits.ts'
import { readableSize, refuse } from './refusal.ts'
import type { Refusal, UploadRefusalCode } from './refusal.ts'

/** The `content` part of an upload, already on disk with its digests. */
export interface UploadedFile {
  /** As the client sent it, path and all: whether it may be used is for `checkUploadForm` to say (attacks.md FN-PATH). */
  readonly filename: string
  readonly contentType: string
  readonly spooled: SpooledUpload
}

/** A complete upload form. Who gets one owns `file.spooled.path` and removes it ({@link discardUploadForm}). */
export interface UploadForm {
  readonly kind: 'form'
  /** Values in the order sent, by the field name as sent. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly file?: UploadedFile
}

interface ReadingOptions {
  readonly spool: Pick<Spool, 'createSpoolFile'>
  readonly maxFileSize: number
}

/**
 * Reads the multipart form of `POST /legacy/` (behaviour.md 1.3), the fields before or after the file. The file goes to the spool while
 * it is hashed, with back-pressure, so that memory stays flat whatever its size. Never throws for what a client sent: a refusal comes
 * as soon as it is certain, the rest of `body` is then left unread and nothing is left in the spool. `maxFileSize` is in bytes.
 */
export async function readUploadForm(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  options: ReadingOptions,
): Promise<UploadForm | Refusal> {
  let parser: BusboyInstance
  try {
    parser = createParser(contentType)
  } catch {
    return refuse('upload-form-invalid', 'An upload is a POST of multipart/form-data with a boundary.')
  }
  const reading = new FormReading(parser, options)
  const form = await reading.run(body)
  if (form.kind === 'refused') await reading.discard()
  return form
}

/** Removes what a form left in the spool; harmless once the blob store has taken the file over. */
export async function discardUploadForm(form: UploadForm): Promise<void> {
  if (form.file !== undefined) await rm(form.file.spooled.path, { force: true })
}

function createParser(contentType: string | undefined): BusboyInstance {
  if (contentType === undefined || !/^multipart\/form-data[ \t]*;/i.test(contentType))
    throw new TypeError('not multipart')
  return new Busboy({
    headers: { 'content-type': contentType },
    preservePath: true,
    // busboy would also treat a field of type application/octet-stream without a file name as a file.
    isPartAFile: (_name, _type, filename) => filename !== undefined,
    limits: {
      fields: MAX_UPLOAD_FIELDS,
      fieldSize: MAX_UPLOAD_DESCRIPTION,
      headerSize: MAX_UPLOAD_PART_HEADER,
      headerPairs: 50,
    },
  })
}

class FormReading {
  readonly #parser: BusboyInstance
  readonly #options: ReadingOptions
  readonly #fields = new Map<string, string[]>()
  #fieldBytes = 0
  #refusal: Refusal | undefined
  #failure: { readonly error: unknown } | undefined
  #finished = false
  #wake: (() => void) | undefined
  #content: Readable | undefined
  #writer: SpoolWriter | undefined
  #file: UploadedFile | undefined
  #receiving: Promise<void> | undefined

  constructor(parser: BusboyInstance, options: ReadingOptions) {
    this.#parser = parser
    this.#options = options
    parser.on('field', (name, value, _nameTruncated, truncated) => this.#takeField(name, value, truncated))
    parser.on('fieldsLimit', () =>
      this.#stop('upload-form-invalid', `An upload may have ${MAX_UPLOAD_FIELDS} fields at most.`),
    )
    parser.on('file', (name, stream, filename, _encoding, type) => this.#takeFile(name, stream, filename, type))
    parser.on('error', () => this.#stop('upload-incomplete', INCOMPLETE))
    parser.on('finish', () => {
      this.#finished = true
      this.#wake?.()
    })
  }

  async run(body: AsyncIterable<Uint8Array>): Promise<UploadForm | Refusal> {
    // Not `for await`: leaving that loop early would destroy the request, and with it the way to answer.
    const chunks = body[Symbol.asyncIterator]()
    let received = 0
    while (!this.#ended()) {
      let next: IteratorResult<Uint8Array>
      try {
        next = await chunks.next()
      } catch {
        this.#stop('upload-incomplete', INCOMPLETE)
        break
      }
      if (next.done === true) break
      received += next.value.byteLength
      if (received > this.#options.maxFileSize + MAX_UPLOAD_FIELDS_TOTAL * 2) this.#stopTooLarge()
      else await this.#untilWoken((wake) => this.#parser.write(next.value, wake))
    }
    if (!this.#ended()) await this.#untilWoken(() => this.#parser.end())
    if (!this.#ended()) await this.#receiving
    if (this.#failure !== undefined) {
      await this.discard()
      throw this.#failure.error
    }
    if (this.#refusal !== undefined) return this.#refusal
    return { kind: 'form', fields: this.#fields, ...(this.#file !== undefined && { file: this.#file }) }
  }

  /** Ends what is under way and removes the spooled file. */
  async discard(): Promise<void> {
    await this.#receiving
    if (this.#file === undefined) await this.#writer?.discard()
    else await rm(this.#file.spooled.path, { force: true })
  }

  #ended(): boolean {
    return this.#refusal !== undefined || this.#failure !== undefined
  }

  /** Waits for the parser to ask for more, to finish or to be refused, whichever comes first. */
  #untilWoken(start: (wake: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      // It may have been refused while the next chunk was awaited: nobody would wake us any more.
      if (this.#ended()) return resolve()
      this.#wake = resolve
      start(resolve)
      if (this.#finished || this.#ended()) resolve()
    })
  }

  #stop(code: UploadRefusalCode, message: string): void {
    this.#refusal ??= refuse(code, message)
    // Nothing will be written to it any more, so whoever reads it must not wait.
    this.#content?.destroy()
    this.#wake?.()
  }

  #stopTooLarge(): void {
    this.#stop(
      'upload-too-large',
      `File too large. The limit for one file is ${readableSize(this.#options.maxFileSize)}.`,
    )
  }

  #takeField(name: string | undefined, value: string, truncated: boolean): void {
    if (name === undefined || this.#ended()) return
    this.#fieldBytes += name.length + value.length
    if (truncated || value.length > longestValue(name)) {
      this.#stop(
        'upload-form-invalid',
        `The field '${shortName(name)}' is longer than ${readableSize(longestValue(name))}.`,
      )
    } else if (this.#fieldBytes > MAX_UPLOAD_FIELDS_TOTAL) {
      this.#stop(
        'upload-form-invalid',
        `The fields of an upload may have ${readableSize(MAX_UPLOAD_FIELDS_TOTAL)} at most.`,
      )
    }
    const values = this.#fields.get(name)
    if (values === undefined) this.#fields.set(name, [value])
    else values.push(value)
  }

  #takeFile(name: string | undefined, stream: Readable, filename: string, contentType: string): void {
    stream.on('error', () => this.#stop('upload-incomplete', INCOMPLETE))
    if (name === 'content' && this.#receiving === undefined && !this.#ended()) {
      this.#content = stream
      this.#receiving = this.#receive(stream, filename, contentType)
      return
    }
    // OpenPGP signatures are a thing of the past, but some clients still send them (behaviour.md 1.3).
    stream.resume()
    if (name === 'content') this.#stop('upload-form-invalid', 'An upload has exactly one file.')
    else if (name !== 'gpg_signature')
      this.#stop('upload-form-invalid', `${shortName(name ?? '')}: Should not be a tuple.`)
  }

  async #receive(stream: Readable, filename: string, contentType: string): Promise<void> {
    try {
      const writer = await this.#options.spool.createSpoolFile()
      this.#writer = writer
      let size = 0
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength
        if (size > this.#options.maxFileSize) return this.#stopTooLarge()
        await writer.write(chunk)
      }
      if (this.#ended()) return
      this.#file = { filename, contentType, spooled: await writer.finish() }
    } catch (error) {
      // A truncated stream was refused by its own error event already; anything else is the disk's fault, not the client's.
      if (!this.#ended()) this.#failure = { error }
      this.#wake?.()
    }
  }
}

const INCOMPLETE = 'The upload ended before the form was complete.'

function longestValue(field: string): number {
  if (field === 'description') return MAX_UPLOAD_DESCRIPTION
  return field === 'license' || field === 'attestations' ? MAX_UPLOAD_DOCUMENT : MAX_UPLOAD_FIELD
}

function shortName(field: string): string {
  return field.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 60)
}
