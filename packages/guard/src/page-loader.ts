import { hash } from 'node:crypto'
import { forTerminal, PackagingError, readSimpleJson, rewriteSimpleJson } from '@waxseal/packaging'
import type { SimpleFile, SimpleProjectPage, SimpleReading } from '@waxseal/packaging'
import { TrustError } from '@waxseal/trust/client'
import type { TargetFile, TrustClient } from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { unreachable, unverified } from './failures.ts'
import type { Keeping } from './keeping.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import { decideName, undecided } from './name-decision.ts'
import type { DecisionParts, LookedUp, NameDecision } from './name-decision.ts'
import type { Origin, PageAnswer } from './origin.ts'
import { OfferedPage } from './offered-page.ts'
import type { OfferedPageParts } from './offered-page.ts'
import { applyRules, trustOf } from './page-rules.ts'
import type { NameFacts, OfferedFile } from './page-rules.ts'
import { NO_RECORD_SEEN } from './pins.ts'
import type { Pinned, PinnedFiles, Pins } from './pins.ts'
import type { RunReport } from './run-report.ts'
import { lookUpDevelopers, lookUpName } from './signed-names.ts'
import type { DeveloperFiles } from './signed-names.ts'
import type { WithheldFile } from './verified-page.ts'

export interface PageLoaderParts extends DecisionParts {
  readonly pins: Pins
  readonly keeping: Keeping
  readonly report: RunReport
  /** Whether source archives, whose building runs their code, are kept back (attacks.md BD-1). */
  readonly wheelsOnly: boolean
  /** Whether dependencies that name an address are left alone. */
  readonly allowDirectUrls: boolean
  /** Whether the program is known to install what it chooses. */
  readonly installs: boolean
}

/** How many file names a note gives. */
const VANISHED_SHOWN = 3

/**
 * Makes the page of a project from what is signed about it. The index is asked for the page first, as pip would, since that is what
 * makes it look at its upstreams; what it answers is taken where it is what is signed, and saves fetching that.
 * @returns undefined where nobody offers the name
 * @throws GuardError
 */
export async function loadPage(parts: PageLoaderParts, project: string): Promise<OfferedPage | undefined> {
  const { cache, pins, defences, origin, report } = parts
  const seen = pins.of(project)
  const { answer: first, looked } = await askPage(parts, project, seen?.etag)
  if (!defences.has('signatures')) {
    const nothing = undecided(project, parts.now())
    return first.kind === 'page' ? makePage(parts, nothing, first.bytes, new Map()).page : undefined
  }
  const { answer, target, sha256, answered } = await matched(parts, project, first)
  if (target === undefined) {
    if (answer.kind === 'unreachable') throw unreachable(origin.url, answer.reason)
    if (answer.kind === 'page' && hasFiles(answer.bytes)) throw unsigned(project)
    // Whether or not there is anything: why there may not be.
    await decided(parts, project, seen, looked)
    return undefined
  }
  if (answer.kind === 'page' && answered === undefined) {
    report.note(`The page of ${project} that the index shows is not the one that is signed; the signed one was taken.`)
  }
  const decision = await decided(parts, project, seen, looked)
  if (seen?.pageSha256 === sha256) {
    if (answered !== undefined && answered.etag !== seen.etag) pins.noteTag(project, answered.etag)
    const [key, made = ''] = seen.rendered.split(':')
    const isUsable = !decision.hasDevelopers && !parts.wheelsOnly && key === decision.key
    const json = isUsable ? await cache.read(made) : undefined
    if (json !== undefined) return plainPage(parts, decision, json)
  }
  const bytes = answered?.bytes ?? (await cache.read(sha256)) ?? (await download(parts, project, target))
  const pinned = pins.files(project)
  const { page, offered, listed, complete } = makePage(
    parts,
    decision,
    bytes,
    pinned,
    await developersOf(parts, decision, bytes),
  )
  if (seen !== undefined) noteVanished(report, project, pinned, listed)
  const made = hash('sha256', page.json)
  const rendered = complete && !decision.hasDevelopers ? `${decision.key}:${made}` : ''
  if (seen?.pageSha256 !== sha256 || seen.rendered !== rendered) {
    const etag = answered?.etag ?? (seen?.pageSha256 === sha256 ? seen.etag : '')
    // Whoever waits for the page need not wait for this. Cut off before it, what was seen is seen for the first time again.
    parts.keeping.add(async () => {
      await cache.put(sha256, bytes)
      if (rendered !== '') await cache.put(made, page.json)
      pins.note(project, { pageSha256: sha256, etag, rendered, files: offered, now: parts.now() })
    })
  }
  return page
}

/** A page that lists less than before may be right, and may be what keeps a fix back (attacks.md RB-FILE). */
function noteVanished(report: RunReport, project: string, pinned: PinnedFiles, listed: ReadonlySet<string>): void {
  const vanished = [...pinned.keys()].filter((filename) => !listed.has(filename))
  if (vanished.length === 0) return
  const some = vanished.slice(-VANISHED_SHOWN).join(', ')
  report.note(
    `Of ${project}, ${vanished.length} that this guard saw before are not offered now: ${some}${vanished.length > VANISHED_SHOWN ? ', …' : ''}`,
  )
}

/** Asks the index as pip would, and meanwhile looks up what is signed about the name, as far as that is known. */
async function askPage(
  parts: PageLoaderParts,
  project: string,
  etag: string | undefined,
): Promise<{ readonly answer: PageAnswer; readonly looked?: LookedUp | undefined }> {
  if (parts.offline) return { answer: { kind: 'unreachable', reason: 'this run is offline.' } }
  const { snapshot } = parts.client
  const isSigned = parts.defences.has('signatures') && snapshot !== undefined
  // What fails here fails again where it counts.
  const name = isSigned ? lookUpName(parts, project).catch(() => undefined) : undefined
  const answer = await parts.origin.askPage(project, etag)
  return { answer, looked: { snapshot, name: await name } }
}

interface Matched {
  readonly answer: PageAnswer
  /** What is signed about the page. */
  readonly target: TargetFile | undefined
  readonly sha256: string
  /** The answer, where it is what is signed. */
  readonly answered: Extract<PageAnswer, { kind: 'page' }> | undefined
}

/**
 * Finds what is signed about the page that the index showed. One that was overtaken by a newer snapshot on its way is asked for once more.
 * @throws GuardError
 */
async function matched(parts: PageLoaderParts, project: string, answer: PageAnswer, again = true): Promise<Matched> {
  const { client, state, origin } = parts
  if (answer.kind === 'page' || answer.kind === 'same') await state.reach(answer.snapshot)
  const target = await findPage(client, project)
  const sha256 = target?.hashes.get('sha256') ?? ''
  const answered = answer.kind === 'page' && hash('sha256', answer.bytes) === sha256 ? answer : undefined
  const isOvertaken = answer.kind === 'page' && answered === undefined && answer.snapshot < state.snapshot
  return again && isOvertaken
    ? await matched(parts, project, await origin.askPage(project, undefined), false)
    : { answer, target, sha256, answered }
}

/** What is decided about a name of which something may be handed on. @throws GuardError as `decideName`, or why nothing is */
async function decided(
  parts: PageLoaderParts,
  project: string,
  seen: Pinned | undefined,
  looked: LookedUp | undefined,
): Promise<NameDecision> {
  const before = seen ?? NO_RECORD_SEEN
  const decision = await decideName(parts, project, before, looked)
  for (const note of decision.notes) parts.report.note(note)
  const now = decision.seen
  if (now.rev > before.rev || now.sealedRev > before.sealedRev || now.shard > before.shard) {
    parts.keeping.add(() => parts.pins.noteRecord(project, now))
  }
  const { refusal } = decision.verdict
  if (refusal === undefined) return decision
  throw new GuardError(refusal.code, refusal.reason, { data: { project } })
}

/** What was made of the same page by the same decision before: every file of it is pinned since then. */
function plainPage(
  { state, pins, now }: PageLoaderParts,
  { project, sealed, verdict: { files: rules } }: NameDecision,
  json: Uint8Array,
): OfferedPage {
  let pinned: PinnedFiles | undefined
  return new OfferedPage({
    project,
    json,
    snapshot: state.snapshot,
    issued: state.issued,
    sealed,
    withheld: [],
    trustOf: (file) =>
      trustOf(file, { rules, developers: undefined, pinned: (pinned ??= pins.files(project)), now: now() }),
  })
}

async function developersOf(
  { client, origin }: PageLoaderParts,
  { project, hasDevelopers }: NameDecision,
  bytes: Uint8Array,
): Promise<DeveloperFiles | undefined> {
  if (!hasDevelopers) return undefined
  const { page } = read(origin, project, bytes)
  return await lookUpDevelopers(
    client,
    project,
    page.files.map(({ filename }) => filename),
  )
}

/** What is signed about a project's page. */
async function findPage(client: TrustClient, project: string): Promise<TargetFile | undefined> {
  try {
    const found = await client.find(pageTarget(project))
    return found.kind === 'found' ? found.file : undefined
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`The page of ${project}`, error, { project })
    throw error
  }
}

async function download(
  { client, offline, origin }: PageLoaderParts,
  project: string,
  target: TargetFile,
): Promise<Uint8Array> {
  if (offline) throw unreachable(origin.url, `the page of ${project} is not kept here, and this run is offline.`)
  if (target.length > MAX_PAGE_BYTES) {
    throw new GuardError('page-unverified', `The page of ${project} is larger than any page may be.`, {
      data: { project },
    })
  }
  try {
    const pieces: Uint8Array[] = []
    for await (const piece of client.download(pageTarget(project), target)) pieces.push(piece)
    return Buffer.concat(pieces)
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`The page of ${project}`, error, { project })
    throw error
  }
}

function read(origin: Origin, project: string, bytes: Uint8Array): SimpleReading {
  try {
    return readSimpleJson(bytes, { baseUrl: `${origin.url}/simple/${project}/`, project })
  } catch (cause) {
    if (!(cause instanceof PackagingError)) throw cause
    throw new GuardError('page-unverified', `The page of ${project} is signed, and malformed. ${cause.message}`, {
      cause,
      data: { project },
    })
  }
}

interface MadePage {
  readonly page: OfferedPage
  readonly offered: readonly { readonly filename: string; readonly sha256: string }[]
  /** Names of all files that the signed page lists. */
  readonly listed: ReadonlySet<string>
  /** Whether everything that the page lists is on it. */
  readonly complete: boolean
}

function makePage(
  { origin, defences, state, seen, wheelsOnly, now }: PageLoaderParts,
  { project, sealed, verdict: { files: rules }, now: moment }: NameDecision,
  bytes: Uint8Array,
  pinned: PinnedFiles,
  developers?: DeveloperFiles,
): MadePage {
  const { page, dropped } = read(origin, project, bytes)
  const source = sourceOf(page)
  if (source !== undefined && !seen.isGoverned && defences.has('name-rules')) seen.noteGoverned()
  const { offered, withheld } = applyRules(
    page.files,
    { project, rules, source, developers, pinned, now: moment, ...refusing(page, wheelsOnly) },
    defences,
  )
  const all: readonly WithheldFile[] = [
    ...withheld,
    ...dropped.map(({ what, reason }) => ({
      filename: what,
      code: 'file-unverified' as const,
      reason: `Malformed: ${reason}.`,
    })),
  ]
  const parts: OfferedPageParts = {
    project,
    json: rewriteSimpleJson({ ...page, files: offered.map(({ file }) => ownFile(project, file)) }),
    snapshot: state.snapshot,
    issued: state.issued,
    sealed,
    withheld: all,
    trustOf: (file) => trustOf(file, { rules, developers, pinned, now: now() }),
  }
  return {
    page: new OfferedPage(parts),
    offered: offered.map(({ file }) => file),
    listed: new Set(page.files.map(({ filename }) => filename)),
    complete: all.length === 0,
  }
}

/** What keeps files back that are all right by themselves. */
function refusing({ status }: SimpleProjectPage, wheelsOnly: boolean): Pick<NameFacts, 'quarantined' | 'wheelsOnly'> {
  return {
    quarantined: status?.status === 'quarantined' ? (status.reason ?? 'no reason is given') : undefined,
    wheelsOnly,
  }
}

/** The source of the files that do not say another one. */
function sourceOf({ extra }: SimpleProjectPage): string | undefined {
  const waxseal = extra?.['_waxseal']
  const source = typeof waxseal === 'object' && waxseal !== null && 'source' in waxseal ? waxseal.source : undefined
  return typeof source === 'string' ? source : undefined
}

/** A file as programs get it: with a link of our own, and without a sidecar whose hash is not known. */
function ownFile(project: string, file: OfferedFile['file']): SimpleFile {
  const { provenance: _, coreMetadata, yanked, ...rest } = file
  return {
    ...rest,
    // Programs show the reason as it is.
    yanked: typeof yanked === 'string' ? forTerminal(yanked) : yanked,
    url: `../../files/${project}/${file.sha256}/${file.filename}`,
    // What it says could not be told from anything else.
    ...(typeof coreMetadata === 'object' ? { coreMetadata } : {}),
  }
}

function hasFiles(bytes: Uint8Array): boolean {
  try {
    const { files } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { files?: unknown }
    return Array.isArray(files) && files.length > 0
  } catch {
    return true
  }
}

function unsigned(project: string): GuardError {
  return new GuardError(
    'page-unverified',
    `The index shows files of ${project} that nobody signed: somebody on the way adds them, or the index fails to sign (waxseal doctor, there). None was handed on.`,
    { data: { project } },
  )
}

/** The target of a project's page. */
export function pageTarget(project: string): string {
  return `simple/${project}/index.json`
}
