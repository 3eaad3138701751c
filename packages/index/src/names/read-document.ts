import { DocumentReader, parseJson, wireJson } from '@waxseal/trust/documents'
import type { Encodable } from '@waxseal/trust/documents'

/** Texts of documents of this kind stand on terminals: one line, and no longer than this. */
export const MAX_REASON = 1000
export const MAX_ACTOR = 200

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/
const SHA256 = /^[0-9a-f]{64}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/
const MAX_NAME = 255
const MAX_TIME = 32

/** Opens a signed document that says nothing but these members. @throws TrustError `json-invalid`, `metadata-invalid` */
export function openDocument(bytes: Uint8Array, what: string, members: readonly string[]): DocumentReader {
  const reader = new DocumentReader(parseJson(bytes).value, what)
  reader.onlyHas(members)
  return reader
}

/** A document as it is signed: the same content, the same bytes. */
export function writeDocument(document: Encodable): Buffer {
  return Buffer.from(wireJson(document))
}

/** A project's name in normal form. */
export function readName(reader: DocumentReader, member: string): string {
  const name = reader.text(member, MAX_NAME)
  if (!NAME.test(name)) throw reader.invalid(`${member} is no name in normal form`)
  return name
}

export function readSha256(reader: DocumentReader, member: string): string {
  const sha256 = reader.text(member, 64)
  if (!SHA256.test(sha256)) throw reader.invalid(`${member} is no sha256`)
  return sha256
}

export function readTime(reader: DocumentReader, member: string): string {
  const time = reader.text(member, MAX_TIME)
  if (!TIME.test(time) || Number.isNaN(Date.parse(time))) throw reader.invalid(`${member} is no time`)
  return time
}

/** One line of text for people. */
export function readLine(reader: DocumentReader, member: string, longest: number): string {
  const text = reader.text(member, longest)
  if (!isOneLine(text)) throw reader.invalid(`${member} is not one line of text`)
  return text
}

/** Whether a text may stand in a signed document: what may not is refused before it is decided. */
export function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)
}

export function readOneOf<T extends string>(reader: DocumentReader, member: string, values: readonly T[]): T {
  const text = reader.text(member, MAX_NAME)
  const found = values.find((value) => value === text)
  if (found === undefined) throw reader.invalid(`${member} is "${text.slice(0, 40)}", which is not known here`)
  return found
}
