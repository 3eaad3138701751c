import { hash } from 'node:crypto'
import { TrustError } from '@waxseal/trust'
import type { TrustClient } from '@waxseal/trust'
import { z } from 'zod'
import type { DecisionBody } from '../names/decisions.ts'
import { decisionHash } from '../names/decisions.ts'
import type { NameRecord } from '../names/name-record.ts'
import { readNameRecord } from '../names/name-record.ts'
import { recordTarget } from '../names/signed-paths.ts'
import type { DecisionRow } from '../store/schema.ts'
import { LOG_FORMAT } from './decision-log.ts'
import { openClientOver } from './stored-client.ts'
import type { MetadataFiles } from './stored-client.ts'

/** What a log came to. */
export interface LogVerdict {
  /** The first that does not hold; undefined: all of it does. `subject` null: the file itself, or what is signed. */
  readonly problem:
    | { readonly subject: string | null; readonly rev: number | null; readonly reason: string }
    | undefined
  readonly subjects: number
  readonly decisions: number
  /** Signed records that agree with it: by the holders, and by the server. */
  readonly sealed: number
  readonly claimed: number
  /** Decisions that no signature vouches for: about namespaces and the default, and what was decided since the last snapshot. */
  readonly unsigned: number
  /** The root that it was verified from; null where nothing is signed. */
  readonly root: { readonly version: number; readonly sha256: string } | null
  /** When the newest of it was signed. */
  readonly signedAt: string | null
}

const line = z.union([
  z.strictObject({ format: z.literal(LOG_FORMAT), at: z.string() }),
  z.strictObject({ metadata: z.strictObject({ role: z.string(), version: z.int(), body: z.string() }) }),
  z.strictObject({ target: z.strictObject({ role: z.string(), path: z.string(), body: z.string() }) }),
  z.strictObject({
    decision: z.strictObject({
      project: z.string(),
      rev: z.int().min(1),
      at: z.string(),
      actor: z.string(),
      body: z.string(),
      prev: z.string().nullable(),
      hash: z.string(),
    }),
  }),
  z.strictObject({ end: z.strictObject({ decisions: z.int() }) }),
])

interface Log {
  readonly metadata: ReadonlyMap<string, ReadonlyMap<number, Buffer>>
  /** Bodies of records, by their sha256. */
  readonly bodies: ReadonlyMap<string, Buffer>
  readonly chains: ReadonlyMap<string, readonly DecisionRow[]>
  readonly decisions: number
}

/** Why a log does not hold. */
class Broken extends Error {
  readonly subject: string | null
  readonly rev: number | null

  constructor(subject: string | null, rev: number | null, reason: string) {
    super(reason)
    this.subject = subject
    this.rev = rev
  }
}

/**
 * Verifies an exported log without the index: each subject's decisions follow each other, and end where what is signed says that they do.
 * A record tells the hash of the decision before its own, so that each signed one pins the whole history of its name (attacks.md LOG).
 * `trusted` is the root that the reader knows; without it the log's own first one is taken, and told.
 */
export async function verifyLog(text: string, trusted: Uint8Array | undefined): Promise<LogVerdict> {
  const verdict = { subjects: 0, decisions: 0, sealed: 0, claimed: 0, unsigned: 0, root: null, signedAt: null }
  let told: Omit<LogVerdict, 'problem'> = verdict
  try {
    const log = readLog(text)
    told = { ...told, subjects: log.chains.size, decisions: log.decisions }
    for (const [subject, chain] of log.chains) checkChain(subject, chain)
    const root = trusted ?? log.metadata.get('root')?.get(1)
    if (root === undefined) return { ...told, unsigned: log.decisions, problem: undefined }
    const client = await openClientOver(filesOf(log), root)
    await client.refresh()
    const { signed, bytes } = client.root
    const signedAt = new Date(client.issued).toISOString()
    told = { ...told, root: { version: signed.version, sha256: hash('sha256', bytes) }, signedAt }
    return { ...told, ...(await checkHeads(client, log)), problem: undefined }
  } catch (error) {
    if (error instanceof Broken) {
      const { subject, rev, message } = error
      return { ...told, problem: { subject, rev, reason: message } }
    }
    if (error instanceof TrustError) {
      return {
        ...told,
        problem: { subject: null, rev: null, reason: `What is signed does not verify: ${error.message}` },
      }
    }
    throw error
  }
}

function readLog(text: string): Log {
  const metadata = new Map<string, Map<number, Buffer>>()
  const bodies = new Map<string, Buffer>()
  const chains = new Map<string, DecisionRow[]>()
  let decisions = 0
  let end: number | undefined
  for (const [at, one] of text.split('\n').slice(0, -1).entries()) {
    const read = readLine(one, at + 1)
    if (end !== undefined || 'format' in read !== (at === 0))
      throw new Broken(null, null, `Line ${at + 1} does not belong there.`)
    if ('metadata' in read) {
      const { role, version, body } = read.metadata
      metadata.set(role, (metadata.get(role) ?? new Map()).set(version, Buffer.from(body)))
    } else if ('target' in read) {
      const body = Buffer.from(read.target.body)
      bodies.set(hash('sha256', body), body)
    } else if ('decision' in read) {
      const chain = chains.get(read.decision.project)
      if (chain === undefined) chains.set(read.decision.project, [read.decision])
      else chain.push(read.decision)
      decisions += 1
    } else if ('end' in read) end = read.end.decisions
  }
  if (end !== decisions)
    throw new Broken(null, null, 'The file is cut off, or was changed: its last line does not count what is in it.')
  return { metadata, bodies, chains, decisions }
}

function readLine(text: string, number: number): z.infer<typeof line> {
  try {
    return line.parse(JSON.parse(text))
  } catch {
    throw new Broken(null, null, `Line ${number} is none of an exported log.`)
  }
}

function checkChain(subject: string, chain: readonly DecisionRow[]): void {
  let before: DecisionRow | undefined
  for (const row of chain) {
    if (decisionHash(row) !== row.hash) throw new Broken(subject, row.rev, 'It was changed: its hash is another.')
    if (row.prev !== (before?.hash ?? null)) {
      throw new Broken(subject, row.rev, 'It does not follow the one before: something was left out, changed or moved.')
    }
    // A restored index leaves numbers out.
    if (row.rev <= (before?.rev ?? 0)) throw new Broken(subject, row.rev, 'Its number is not above the one before.')
    before = row
  }
}

async function checkHeads(
  client: TrustClient,
  { chains, bodies, decisions }: Log,
): Promise<Pick<LogVerdict, 'sealed' | 'claimed' | 'unsigned'>> {
  const counts = { sealed: 0, claimed: 0 }
  /** How many decisions of each subject something signed vouches for. */
  const vouched = new Map<string, number>()
  for (let shard = 0; shard < 256; shard += 1) {
    const hh = shard.toString(16).padStart(2, '0')
    for (const kind of ['sealed', 'claimed'] as const) {
      for (const [path, { hashes }] of await client.list(['targets', `${kind}-${hh}`])) {
        const name = /^names\/[0-9a-f]{2}\/([^/]+)\.json$/.exec(path)?.[1]
        if (name === undefined || recordTarget(name) !== path) continue
        const sha256 = hashes.get('sha256') ?? ''
        const body = bodies.get(sha256)
        if (body === undefined) throw new Broken(name, null, `Its ${kind} record is signed, and not in the file.`)
        const position = checkHead(kind, readNameRecord(name, body), sha256, chains.get(name) ?? [])
        vouched.set(name, Math.max(vouched.get(name) ?? 0, position))
        counts[kind] += 1
      }
    }
  }
  return { ...counts, unsigned: decisions - [...vouched.values()].reduce((sum, one) => sum + one, 0) }
}

/** How many decisions the record vouches for. */
function checkHead(
  kind: 'sealed' | 'claimed',
  record: NameRecord,
  sha256: string,
  chain: readonly DecisionRow[],
): number {
  const { name, rev, prev, since, by } = record
  // Of a restored index the number of a claimed record is above that of the decision: the hashes are what binds them.
  const at = chain.findIndex((row) => row.prev === prev)
  const row = chain[at]
  if (row === undefined) {
    throw new Broken(
      name,
      rev,
      `The ${kind} record is of a history that this is not: decisions were rewritten, or dropped.`,
    )
  }
  if (row.rev > rev || row.at !== since || row.actor !== by || !isOf(bodyOf(row), kind, record, sha256)) {
    throw new Broken(name, row.rev, `The ${kind} record says something else about this decision.`)
  }
  return at + 1
}

/** Whether a decision can be the one that a record is about, as far as the record tells: the next decision pins the whole of it. */
function isOf(body: Partial<DecisionBody>, kind: 'sealed' | 'claimed', record: NameRecord, sha256: string): boolean {
  if (kind === 'sealed') return body.kind === 'sealed' && body.record === sha256
  if (('reason' in body ? (body.reason ?? '') : '') !== (record.reason ?? '')) return false
  if (body.kind === 'claim') return record.authority === 'internal'
  if (body.kind === 'upstream')
    return record.authority === 'upstream' && record.sources.every((one) => one === body.upstream)
  return true
}

/** Of whatever stands there: the file may come from anybody. */
function bodyOf({ project, rev, body }: DecisionRow): Partial<DecisionBody> {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below.
  }
  throw new Broken(project, rev, 'What was decided cannot be read.')
}

function filesOf({ metadata }: Log): MetadataFiles {
  return {
    async newest(role) {
      const versions = metadata.get(role) ?? new Map<number, Buffer>()
      const bytes = versions.get(Math.max(...versions.keys()))
      return bytes && { bytes }
    },
    async version(role, version) {
      const bytes = metadata.get(role)?.get(version)
      return bytes && { bytes }
    },
  }
}
