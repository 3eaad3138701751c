import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { OPERATOR, openAdministration, indexDefaults } from '@waxseal/index'
import { recordClaim } from '../packages/index/src/names/claim.ts'
import { appendJournal } from '../packages/index/src/publish/journal.ts'
import { documentOf, waxsealCommand } from '../test/support/command.ts'
import { formatTable } from './report.ts'

/**
 * What it takes to seal names (issue: 1,000 names in 10 s): from the command to the published seal, and the parts of it on a machine of
 * the holder.
 *
 *     npm run bench:seal
 *     npm run bench:seal -- --names 100    for a first look
 */

const BAR_S = 10
const { values } = parseArgs({ options: { names: { type: 'string', default: '1000' } } })
const count = Number(values.names)

await using scratch = await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-seal-'))
const data = join(scratch.path, 'data')
const passphrase = join(scratch.path, 'passphrase')
await writeFile(passphrase, 'a passphrase of a benchmark')
const env = { WAXSEAL_OFFLINE_KEYS: join(scratch.path, 'offline') }
const at = ['--data', data]

/** What a command took, in seconds. */
interface Taken {
  readonly wall: number
  readonly cpu: number
}

/** Prints what a program took of the processors, once it has ended. */
const COUNTING = `import os, sys
status = os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:])
times = os.times()
with open(sys.argv[1], 'w') as out: out.write(str(times.children_user + times.children_system))
sys.exit(status)`

async function timed(...args: readonly string[]): Promise<Taken> {
  const counted = join(scratch.path, 'cpu')
  const started = performance.now()
  const run = await waxsealCommand([...args, '--json'], { env, through: ['python3', '-c', COUNTING, counted] })
  if (run.code !== 0) throw new Error(run.stderr)
  documentOf(run)
  return { wall: (performance.now() - started) / 1000, cpu: Number(await readFile(counted, 'utf8')) }
}

/** Names with three files each, as a server has them. */
async function claimNames(prefix: string): Promise<void> {
  await using index = await openAdministration(indexDefaults(data))
  const now = new Date().toISOString()
  await index.store.transaction(async (tx) => {
    for (let number = 0; number < count; number += 1) {
      const project = `${prefix}-${number}`
      await recordClaim(tx, {
        project,
        displayName: project,
        at: now,
        actor: OPERATOR,
        by: 'administrator',
        evidence: [],
      })
      for (const version of ['1.0', '1.1', '2.0']) {
        const filename = `${project.replaceAll('-', '_')}-${version}-py3-none-any.whl`
        await tx
          .insertInto('file')
          .values(fileRow(project, filename, version, number, now))
          .execute()
      }
      await appendJournal(tx, { project, action: 'create', at: now, actor: OPERATOR.name })
    }
  })
  await index.management.settled()
}

function fileRow(project: string, filename: string, version: string, number: number, now: string) {
  const sha256 = Buffer.from(`${version} ${number}`).toString('hex').padStart(64, '0')
  return {
    project,
    source: 'local',
    filename,
    filename_key: filename,
    version,
    version_key: version,
    kind: 'wheel',
    sha256,
    blake2b: null,
    md5: null,
    size: 1000,
    requires_python: null,
    has_metadata: 0,
    metadata_sha256: null,
    upload_time: now,
    upload_time_source: 'upload',
    first_seen_at: now,
    yanked: 0,
    yanked_reason: null,
    url: null,
    provenance_url: null,
    attestations_sha256: null,
    python_version: 'py3',
    comment: null,
    uploaded_by: 'ada',
    stored: 1,
    admitted_at: now,
    withdrawn_at: null,
    deleted_at: null,
  } as const
}

await timed('init', ...at, '--yes', '--no-upstream', '--passphrase-file', passphrase)
const key = join(env.WAXSEAL_OFFLINE_KEYS, 'targets.key.json')
const holder = ['--key', key, '--passphrase-file', passphrase, '--yes']

await claimNames('one')
const inOne = await timed('seal', ...at, ...holder)

await claimNames('two')
const request = join(scratch.path, 'seal.json')
const signature = join(scratch.path, 'seal.sig.json')
const parts: readonly (readonly [string, Taken])[] = [
  ['begin, on the index', await timed('seal', ...at, '--out', request)],
  ['show and sign, elsewhere', await timed('sign', request, ...holder, '--out', signature)],
  ['import', await timed('ceremony', 'import', ...at, signature)],
  ['publish, with the records that the server signs', await timed('ceremony', 'publish', ...at)],
]
const log = join(scratch.path, 'log.jsonl')
const exported = await timed('log', 'export', log, ...at)
const verified = await timed('log', 'verify', log)

const seconds = ({ wall, cpu }: Taken): string => `${wall.toFixed(1)} s (CPU ${cpu.toFixed(1)} s)`
/** By the processors' time where others keep them busy (design.md section 12). */
const isMet = Math.min(inOne.wall, inOne.cpu) <= BAR_S
process.stdout.write(
  formatTable([
    {
      what: `a seal of ${count} names, in one command`,
      ours: seconds(inOne),
      bar: `≤ ${BAR_S} s`,
      met: isMet,
    },
    ...parts.map(([what, value]) => ({ what: `${count} more: ${what}`, ours: seconds(value) })),
    { what: `the log of ${2 * count} names: export`, ours: seconds(exported) },
    { what: `the log of ${2 * count} names: verify`, ours: seconds(verified) },
  ]),
)
if (!isMet) process.exitCode = 1
