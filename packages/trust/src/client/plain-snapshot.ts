import { MAX_ROLE_NAME } from '../limits.ts'
import type { MetaFile, Metadata, Signature, Snapshot } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'

/** A snapshot in the plain form: nothing but versions, canonical, names of letters that need no escape. */
export interface PlainSnapshot {
  readonly bytes: Uint8Array
  readonly meta: ReadonlyMap<string, MetaFile>
}

/** A snapshot that was read by what it changes. */
export interface SnapshotChanges {
  readonly signed: Pick<Snapshot, 'version' | 'expires' | 'specVersion'>
  readonly signatures: readonly Signature[]
  readonly signedBytes: Uint8Array
  /** Roles whose version is another than before, or that are new. */
  readonly changed: ReadonlyMap<string, MetaFile>
  readonly removed: readonly string[]
}

const META = Buffer.from('"meta":{')
const AFTER_META = Buffer.from('},"spec_version"')
const COMMA = 0x2c
const CHUNK = 4096

/**
 * Reads a snapshot in the plain form: its long list in one pass, the rest by the strict reader. `undefined` for any other form,
 * and for whatever is wrong within the list: that has to be read, or refused, by the strict reader.
 */
export function readPlainSnapshot(bytes: Uint8Array): Omit<Metadata<Snapshot>, 'document'> | undefined {
  const region = regionOf(bytes)
  const frame = region === undefined ? undefined : readFrame(bytes, region)
  const meta = region === undefined || frame === undefined ? undefined : readEntries(region.entries)
  if (frame === undefined || meta === undefined) return undefined
  return { signed: { ...frame.signed, meta }, signatures: frame.signatures, signedBytes: frame.signedBytes, bytes }
}

/**
 * Reads the snapshot that follows `before` in time that goes with what differs between the two, where 16,384 roles are listed and
 * two have changed: what is the same byte by byte was read strictly once. All else is read as strictly. `undefined` where the two
 * are not alike enough; then it has to be read whole.
 */
export function readSnapshotChanges(before: PlainSnapshot, bytes: Uint8Array): SnapshotChanges | undefined {
  const old = regionOf(before.bytes)
  const given = regionOf(bytes)
  if (old === undefined || given === undefined) return undefined
  const frame = readFrame(bytes, given)
  if (frame === undefined) return undefined
  const difference = compareEntries(old.entries, given.entries)
  if (difference === undefined) return undefined
  for (const name of difference.added) if (before.meta.has(name)) return undefined
  return { ...frame, changed: difference.changed, removed: difference.removed }
}

/**
 * The document without its list, read by the strict reader: so that the rest is whole, and nothing else is named meta. What is
 * signed is the document's own text.
 */
function readFrame(
  bytes: Uint8Array,
  { start, end }: Region,
): Pick<Metadata<Snapshot>, 'signed' | 'signatures' | 'signedBytes'> | undefined {
  const frame = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  const { signed, signatures, signedBytes } = readMetadata('snapshot', frame)
  const at = frame.length - 1 - signedBytes.length
  if (signed.meta.size > 0 || at < 0 || !frame.subarray(at, -1).equals(Buffer.from(signedBytes))) return undefined
  return { signed, signatures, signedBytes: bytes.subarray(at, -1) }
}

interface Region {
  readonly start: number
  readonly end: number
  readonly entries: Buffer
}

/** Where the list of roles stands. */
function regionOf(bytes: Uint8Array): Region | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = buffer.indexOf(META) + META.length
  const end = buffer.indexOf(AFTER_META, start)
  // What is signed is canonical, so its own meta reads like this: where the text stands once, it is that one.
  if (start < META.length || end === -1 || buffer.includes(META, start)) return undefined
  return { start, end, entries: buffer.subarray(start, end) }
}

interface Difference {
  readonly changed: Map<string, MetaFile>
  readonly added: string[]
  readonly removed: string[]
}

/** Walks through two sorted lists at once; what is alike is skipped at the speed of memory. */
function compareEntries(a: Buffer, b: Buffer): Difference | undefined {
  const difference: Difference = { changed: new Map(), added: [], removed: [] }
  let atA = 0
  let atB = 0
  for (;;) {
    const same = commonLength(a, atA, b, atB)
    if (same === a.length - atA && same === b.length - atB) return difference
    // Back to the beginning of the entry in which they differ; up to there both are the same.
    const back = same - (a.subarray(atA, atA + same).lastIndexOf(COMMA) + 1)
    atA += same - back
    atB += same - back
    const left = entryAt(a, atA)
    const right = entryAt(b, atB)
    if (left === 'malformed' || right === 'malformed') return undefined
    if (left === undefined && right === undefined) return undefined
    if (right !== undefined && (left === undefined || right.file <= left.file)) {
      if (!followsInOrder(b, atB, right.file)) return undefined
      difference.changed.set(right.name, { version: right.version, length: undefined, hashes: undefined })
      if (left?.file !== right.file) difference.added.push(right.name)
      atB = right.next
    }
    if (left !== undefined && (right === undefined || left.file <= right.file)) {
      if (left.file !== right?.file) difference.removed.push(left.name)
      atA = left.next
    }
  }
}

function commonLength(a: Buffer, atA: number, b: Buffer, atB: number): number {
  const most = Math.min(a.length - atA, b.length - atB)
  let same = 0
  while (same < most) {
    const length = Math.min(CHUNK, most - same)
    const from = atB + same
    if (a.compare(b, from, from + length, atA + same, atA + same + length) !== 0) break
    same += length
  }
  while (same < most && a[atA + same] === b[atB + same]) same += 1
  return same
}

/** All entries, in order; `undefined` if one is of another form. */
function readEntries(entries: Buffer): Map<string, MetaFile> | undefined {
  const meta = new Map<string, MetaFile>()
  const text = entries.toString('latin1')
  const entry = new RegExp(ENTRY, 'y')
  let before = ''
  while (entry.lastIndex < text.length) {
    const [, name = '', version = '', comma = ''] = entry.exec(text) ?? []
    const number = Number(version)
    const file = `${name}.json`
    const last = entry.lastIndex === text.length
    if (name === '' || name.length > MAX_ROLE_NAME || file <= before || !Number.isSafeInteger(number)) return undefined
    if (last === (comma !== '')) return undefined
    meta.set(name, { version: number, length: undefined, hashes: undefined })
    before = file
  }
  return meta
}

interface Entry {
  /** As the order goes by. */
  readonly file: string
  readonly name: string
  readonly version: number
  /** Where the next entry begins. */
  readonly next: number
}

const ENTRY = /"([\w.~%-]+)\.json":\{"version":([1-9]\d{0,15})\}(,(?=")|$)/y
/** An entry is shorter: a name of 80 characters, a version of 16. */
const MAX_ENTRY = 256

function entryAt(entries: Buffer, at: number): Entry | 'malformed' | undefined {
  if (at >= entries.length) return undefined
  const text = entries.toString('latin1', at, at + MAX_ENTRY)
  const match = new RegExp(ENTRY, 'y').exec(text)
  const [whole = '', name = '', version = '', comma = ''] = match ?? []
  const last = at + whole.length === entries.length
  if (
    match === null ||
    name.length > MAX_ROLE_NAME ||
    last === (comma !== '') ||
    !Number.isSafeInteger(Number(version))
  )
    return 'malformed'
  return { file: `${name}.json`, name, version: Number(version), next: at + whole.length }
}

/** Whether the entry before is a smaller one: so that none stands twice, and the order is the canonical one. */
function followsInOrder(entries: Buffer, at: number, file: string): boolean {
  if (at === 0) return true
  const before = entryAt(entries, entries.lastIndexOf(COMMA, at - 2) + 1)
  return typeof before === 'object' && before.file < file
}
