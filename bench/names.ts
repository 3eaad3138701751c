import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { answerFor, recordTarget } from '@waxseal/index/names'
import type { ClaimedName, NamesConfig } from '@waxseal/index/names'
import { LiveNames } from '../packages/index/src/names/live-names.ts'
import { readOffering } from '../packages/index/src/publish/page-source.ts'
import { judgeFiles } from '../packages/index/src/releases/judge-files.ts'
import type { FileRow } from '../packages/index/src/store/schema.ts'
import { startWaxseal } from '../test/support/server.ts'
import type { Cost } from './compare.ts'
import { compare, describeCost } from './compare.ts'
import type { Figure } from './figure.ts'
import { judge, median } from './figure.ts'
import type { ManyNames } from './names/many-names.ts'
import { decidedName, openManyNames } from './names/many-names.ts'
import { formatTable, withNames } from './report.ts'
import { countingProxy } from './trust/counting-proxy.ts'
import { followOnce } from './names/follow-once.ts'
import { prepareWrk } from './wrk.ts'

/**
 * What decisions about names cost (issue: 100,000 names, 10,000 decisions, 1,000 namespaces).
 *
 *     npm run bench:names               the table on the terminal
 *     npm run bench:names -- --write    and its section of docs/performance.md
 *     npm run bench:names -- --quick    a tenth of it, for a first look
 */

const DOCUMENT = join(import.meta.dirname, '../docs/performance.md')
const DECISION_BAR_US = 20
/** Pages beside an index that knows next to nothing: what is noise between two servers is allowed. */
const PAGES_BAR = 1.1
const PACKAGES = 30

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})
if (values.write && values.quick) throw new Error('--write is for a full run')
const scale = values.quick ? 10 : 1
const counts = { names: 100_000 / scale, decided: 10_000 / scale, namespaces: 1000 / scale }
const rounds = values.quick ? 3 : 7

const RULES = Array.from({ length: 20 }, (_, at) => ({ pattern: `team-${at}-*`, mode: 'deny' as const }))
const POLICY = { unclaimed: [...RULES, { pattern: '*', mode: 'approve' as const }], cooldown: 259_200, approvals: 1 }

/** CPU time of `work` for each of `times`, in microseconds: the median of some rounds. */
function cpuOf(times: number, work: (at: number) => unknown): number {
  let kept: unknown
  const round = (): number => {
    const before = process.cpuUsage()
    for (let at = 0; at < times; at += 1) kept = work(at)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / times
  }
  round()
  const taken = median(Array.from({ length: rounds }, round))
  if (kept === undefined) throw new Error('nothing was decided')
  return taken
}

/** The pure function, over every kind of name in turn. */
function decisions(names: NamesConfig): Figure {
  const merge = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' } as const
  const claimed: readonly (ClaimedName | undefined)[] = [
    undefined,
    { authority: 'internal', upstream: null, merge: null },
    { authority: 'upstream', upstream: 'pypi', merge: null },
    { authority: 'unclaimed', upstream: 'pypi', merge: null },
    { authority: 'merged', upstream: 'pypi', merge },
  ]
  const asked = Array.from({ length: counts.names }, (_, at) =>
    at % 3 === 0 ? `space-${at % counts.namespaces}-app-${at}` : `project-with-a-name-${at}`,
  )
  const cpu = cpuOf(asked.length, (at) => answerFor(asked[at] ?? '', claimed[at % claimed.length], names))
  const size = `${counts.namespaces.toLocaleString('en')} namespaces, ${POLICY.unclaimed.length} rules`
  return {
    what: `who answers for a name: ${size}`,
    ours: `CPU ${cpu.toFixed(2)} µs`,
    bar: `≤ ${DECISION_BAR_US} µs`,
    met: cpu <= DECISION_BAR_US,
  }
}

/** All that is decided about one file of a page of 3,000. */
async function files({ store }: ManyNames, names: NamesConfig): Promise<Figure> {
  const now = Date.now()
  const offering = await readOffering(store.db, 'seen-1', await rowOf(store, 'seen-1'), names, now)
  const rows = Array.from({ length: 3000 }, (_, at) => fileRow('seen-1', at))
  const denials = [{ n: 1, project: 'seen-1', version: '7.0', overlay: 'blocked', reason: 'bench', since: AT }] as const
  const cpu = cpuOf(20, () => judgeFiles({ ...offering, denials }, rows, now)) / rows.length
  return {
    what: 'a file of a page of 3,000, with a denial, approvals and a cooldown',
    ours: `CPU ${cpu.toFixed(2)} µs`,
    bar: `≤ ${DECISION_BAR_US} µs`,
    met: cpu <= DECISION_BAR_US,
  }
}

const AT = '2026-03-01T12:00:00.000Z'

async function rowOf(store: ManyNames['store'], name: string) {
  return await store.db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
}

function fileRow(project: string, at: number): FileRow {
  const filename = `${project.replaceAll('-', '_')}-${at}.0-py3-none-any.whl`
  const known = { project, source: 'pypi', filename, filename_key: filename, version: `${at}.0`, version_key: `${at}` }
  const none = { blake2b: null, md5: null, requires_python: null, metadata_sha256: null, yanked_reason: null }
  const never = {
    withdrawn_at: null,
    deleted_at: null,
    age_from: null,
    provenance_url: null,
    attestations_sha256: null,
  }
  const upload = { python_version: null, comment: null, uploaded_by: null, url: 'https://files.example/a' }
  const times = { upload_time: AT, upload_time_source: 'upstream', first_seen_at: AT, admitted_at: AT } as const
  const sha256 = at.toString(16).padStart(64, '0')
  const flags = { has_metadata: 0, yanked: 0, stored: 0 }
  return { id: at, kind: 'wheel', sha256, size: 1000, ...known, ...none, ...never, ...upload, ...times, ...flags }
}

/** A warm page of an index that knows all of this, beside that of one that knows one name. */
async function pages(many: ManyNames): Promise<Figure> {
  await using few = await openManyNames({ names: 1, decided: 1, namespaces: 1 })
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-wrk-'))
  await using ours = await startWaxseal({ dataDir: many.dataDir, args: ['--no-upstream'] })
  await using other = await startWaxseal({ dataDir: few.dataDir, args: ['--no-upstream'] })
  const path = `/simple/${decidedName(0)}/`
  const [us, them] = (await compare(
    [
      { url: `${ours.url}${path}`, pids: () => [ours.pid] },
      { url: `${other.url}${path}`, pids: () => [other.pid] },
    ],
    { seconds: 2, connections: 16, headers: ['Accept: application/vnd.pypi.simple.v1+json'] },
    { script: prepareWrk(folder.path), rounds },
  )) as [Cost, Cost]
  return {
    what: `warm page, ${counts.names.toLocaleString('en')} names, ${counts.decided.toLocaleString('en')} decisions, ${counts.namespaces.toLocaleString('en')} namespaces`,
    ours: describeCost(us),
    beside: `one name: ${describeCost(them)}`,
    ...judge(us.cpu / them.cpu, PAGES_BAR),
  }
}

/** What a guard gets over the wire to know who answers for some names. */
async function bytes(many: ManyNames): Promise<readonly Figure[]> {
  await using server = await startWaxseal({ dataDir: many.dataDir, args: ['--no-upstream'] })
  await using proxy = await countingProxy(server.url)
  const some = Array.from({ length: PACKAGES }, (_, at) => recordTarget(decidedName(at * 7)))
  proxy.take()
  await followOnce(many.root, proxy.url, [])
  const alone = proxy.take()
  await followOnce(many.root, proxy.url, some)
  const withRecords = proxy.take()
  const kilobytes = (count: number): string => `${(count / 1000).toFixed(1)} KB`
  return [
    { what: 'bytes for a guard: a first refresh', ours: kilobytes(alone) },
    {
      what: `… and the records of ${PACKAGES} names, of ${counts.decided.toLocaleString('en')} that are decided`,
      ours: `${kilobytes(withRecords - alone)} more`,
    },
  ]
}

async function measure(): Promise<readonly Figure[]> {
  process.stderr.write(`${counts.names} names …\n`)
  await using many = await openManyNames(counts)
  const configured = { prefixes: [], upstreams: ['pypi'], policy: POLICY }
  const names = await LiveNames.open(() => many.store.db, configured)
  return [decisions(names), await files(many, names), await pages(many), ...(await bytes(many))]
}

const figures = await measure()
process.stdout.write(`${formatTable(figures).replaceAll('**', '')}\n`)
if (values.write) writeFileSync(DOCUMENT, withNames(readFileSync(DOCUMENT, 'utf8'), figures))
