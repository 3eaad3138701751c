import type { DocumentReader } from '@waxseal/trust/documents'
import { LOCAL_SOURCE } from './local-source.ts'
import type { MergeRule } from './merge-rule.ts'
import { mergeDocument, readMergeRule } from './merge-rule.ts'
import {
  MAX_ACTOR,
  MAX_REASON,
  openDocument,
  readLine,
  readName,
  readOneOf,
  readSha256,
  readTime,
  writeDocument,
} from './read-document.ts'

/** Who answers for a name that has a record. `virtual` is none of them yet: a record that says so is refused. */
export const RECORDED_AUTHORITIES = ['unclaimed', 'internal', 'upstream', 'merged'] as const

/** What is decided about a name, as it is signed (design.md sections 7 and 8): sealed by holders, or claimed by the server. */
export interface NameRecord {
  /** In normal form. */
  readonly name: string
  /** Counts the decisions about the name; an older one than was seen is never taken (attacks.md RB-POL). */
  readonly rev: number
  /** sha256 of the decision before; null for the first. */
  readonly prev: string | null
  readonly authority: (typeof RECORDED_AUTHORITIES)[number]
  /** Where files may come from: `local`, or names of upstreams. */
  readonly sources: readonly string[]
  /** How two sources stand beside each other; exactly with `merged`. */
  readonly merge?: MergeRule | undefined
  /** Files that the record itself vouches for, by name: their sha256. */
  readonly files?: ReadonlyMap<string, string> | undefined
  /** Whether nothing but `files` may be offered. */
  readonly closed: boolean
  /** Denials of this name that do not hold any more, by their numbers. */
  readonly lifts: readonly number[]
  /** When it was decided: ISO 8601. */
  readonly since: string
  readonly by: string
  readonly reason?: string | undefined
}

const MEMBERS = [
  'name',
  'rev',
  'prev',
  'authority',
  'sources',
  'merge',
  'files',
  'closed',
  'lifts',
  'since',
  'by',
  'reason',
]
const MAX_SOURCES = 32
const MAX_FILES = 20_000
const MAX_FILENAME = 255
const MAX_LIFTS = 10_000

/**
 * Reads the record of `project`. One that says more than is known here is refused whole: what would be left out could be what
 * protects the name.
 * @throws TrustError `json-invalid`, `metadata-invalid`
 */
export function readNameRecord(project: string, bytes: Uint8Array): NameRecord {
  const reader = openDocument(bytes, 'record', MEMBERS)
  const name = readName(reader, 'name')
  if (name !== project) throw reader.invalid(`it is of another name, ${name}`)
  const authority = readOneOf(reader, 'authority', RECORDED_AUTHORITIES)
  const sources = reader.texts('sources', MAX_SOURCES)
  const merge = reader.has('merge') ? readMergeRule(reader.json('merge')) : undefined
  if ((authority === 'merged') !== (merge !== undefined))
    throw reader.invalid('a merge belongs to merged, and nothing else')
  if (
    merge !== undefined &&
    (sources.length !== 2 || ![merge.owner, merge.extender].every((one) => sources.includes(one)))
  ) {
    throw reader.invalid('its sources are not those of its merge')
  }
  if (authority === 'internal' && sources.some((source) => source !== LOCAL_SOURCE)) {
    throw reader.invalid('an internal name has no upstream')
  }
  return {
    name,
    rev: reader.number('rev', 1),
    prev: reader.isNull('prev') ? null : readSha256(reader, 'prev'),
    authority,
    sources,
    ...(merge === undefined ? {} : { merge }),
    ...(reader.has('files') ? { files: readFiles(reader) } : {}),
    closed: reader.flag('closed'),
    lifts: readLifts(reader),
    since: readTime(reader, 'since'),
    by: readLine(reader, 'by', MAX_ACTOR),
    ...(reader.has('reason') ? { reason: readLine(reader, 'reason', MAX_REASON) } : {}),
  }
}

function readFiles(reader: DocumentReader): ReadonlyMap<string, string> {
  const files = reader.object('files')
  const read = new Map<string, string>()
  for (const [filename] of files.entries) {
    if (read.size >= MAX_FILES || filename.length > MAX_FILENAME)
      throw reader.invalid('it lists too many files, or a name too long')
    read.set(filename, readSha256(files, filename))
  }
  return read
}

function readLifts(reader: DocumentReader): readonly number[] {
  const lifts = reader.list('lifts', MAX_LIFTS)
  if (!lifts.every((one) => typeof one === 'number' && one >= 1)) throw reader.invalid('lifts are numbers of denials')
  return lifts as readonly number[]
}

/** The bytes that are signed: the same record, the same bytes. */
export function writeNameRecord(record: NameRecord): Buffer {
  const { name, rev, prev, authority, sources, merge, files, closed, lifts, since, by, reason } = record
  return writeDocument({
    name,
    rev,
    prev,
    authority,
    sources,
    merge: merge && mergeDocument(merge),
    files,
    closed,
    lifts: lifts.toSorted((a, b) => a - b),
    since,
    by,
    reason,
  })
}
