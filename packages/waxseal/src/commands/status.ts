import type { IndexStatus } from '@waxseal/index'
import { readIndexStatus } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { columns, printResult } from '../output.ts'

export function addStatus(program: Command): void {
  withIndexOptions(program.command('status'))
    .description('how the index does: servers, sizes, upstreams, backup, and what needs attention')
    .addHelpText('after', '\nExample:\n  waxseal status --data /var/lib/waxseal\n')
    .action((options: AdministerOptions) =>
      administer(options, async (index) => {
        const status = await readIndexStatus(index.statusParts)
        printResult(options, status, statusLines(status))
        if (status.attention.length > 0) process.exitCode = EXIT_REFUSED
      }),
    )
}

/** At most 80 columns. */
export function statusLines(status: IndexStatus): readonly string[] {
  const { store, database, disk, waiting, lastBackup, snapshot } = status
  const { files, projects } = store
  return [
    ...columns([
      ['uploaded', `${files.local.files} files, ${bytes(files.local.bytes)}`],
      ['from upstreams', `${files.upstream.files} files, ${bytes(files.upstream.bytes)}`],
      ['projects', `${projects.internal} internal, ${projects.upstream} upstream, ${projects.unclaimed} undecided`],
      ['pages', `${store.pages}, snapshot ${snapshot}, ${waiting.changes} changes waiting`],
      ['database', `${database.kind}, ${bytes(database.bytes)}, schema ${database.schema}`],
      ['disk', `${bytes(disk.freeBytes)} free of ${bytes(disk.sizeBytes)}`],
      ['garbage', `${store.garbageFiles} files marked`],
      [
        'last backup',
        lastBackup === null
          ? 'none'
          : `${lastBackup.at}, snapshot ${lastBackup.snapshot}${lastBackup.missing > 0 ? ', incomplete' : ''}`,
      ],
      ['tokens', expiring(status)],
    ]),
    ...status.servers.flatMap((server) => serverLines(server, status.at)),
    '',
    ...(status.attention.length === 0 ? ['All is well.'] : status.attention.map((line) => `! ${line}`)),
  ]
}

function serverLines(server: IndexStatus['servers'][number], now: string): readonly string[] {
  const seconds = (Date.parse(now) - Date.parse(server.startedAt)) / 1000
  // After a clock was set back, how long it has been up is not known.
  const up = seconds < 0 ? `started at ${server.startedAt}` : `up ${duration(seconds)}`
  const rates = Object.entries(server.caches).map(([cache, { hits, misses }]) => {
    return `${cache} ${Math.round((100 * hits) / Math.max(1, hits + misses))} %`
  })
  return [
    '',
    `server ${server.id}, ${[server.version, ...server.modes].join(', ')}, ${up}`,
    ...columns([
      ['  requests', `${server.requests}, ${server.failures} failed; memory ${bytes(server.residentBytes)}`],
      ['  hits', rates.length === 0 ? 'none yet' : rates.join(', ')],
      ...(server.certificateExpires === null ? [] : [['  certificate', `until ${server.certificateExpires}`]]),
      ...server.upstreams.map(({ name, open, lastSuccess, lastError }) => [
        `  ${name}`,
        open.length > 0
          ? `left alone; ${lastError === null ? '' : lastError.reason}`
          : lastSuccess === null
            ? 'not asked yet'
            : `answered ${lastSuccess}`,
      ]),
    ]),
  ].map((line) => line.slice(0, 80))
}

function expiring({ expiringTokens }: IndexStatus): string {
  const [first] = expiringTokens
  if (first === undefined) return 'none expires within 30 days'
  return `${expiringTokens.length} expire within 30 days, the first (${first.id}) ${first.expires.slice(0, 10)}`
}

function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}
