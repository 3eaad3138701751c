import type { IndexStatus } from '@waxseal/index'
import { readIndexStatus } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { columns, counted, folded, printResult, sizeText } from '../output.ts'

export function addStatus(program: Command): void {
  withIndexOptions(program.command('status'))
    .description('how the index does: servers, sizes, signatures, upstreams, backup, and what needs attention')
    .addHelpText('after', '\nExample:\n  waxseal status --data /var/lib/waxseal\n')
    .action((options: AdministerOptions) =>
      administer(options, async (index) => {
        const status = await readIndexStatus(index.statusParts)
        printResult(options, status, statusLines(status))
        if (status.attention.length > 0) process.exitCode = EXIT_REFUSED
      }),
    )
}

/** At most 80 columns, but for a word that is longer. */
export function statusLines(status: IndexStatus): readonly string[] {
  const { store, database, disk, waiting, lastBackup, snapshot } = status
  const { files, projects } = store
  return [
    ...table([
      ['uploaded', `${counted(files.local.files, 'file')}, ${sizeText(files.local.bytes)}`],
      ['from upstreams', `${counted(files.upstream.files, 'file')}, ${sizeText(files.upstream.bytes)}`],
      ['projects', `${projects.internal} internal, ${projects.upstream} upstream, ${projects.unclaimed} undecided`],
      ['pages', `${store.pages}, snapshot ${snapshot}, ${counted(waiting.changes, 'change')} waiting`],
      ['signing', signingText(status)],
      ...(status.ceremony ? [['ceremony', 'has begun: "waxseal ceremony show"'] as const] : []),
      ['database', `${database.kind}, ${sizeText(database.bytes)}, schema ${database.schema}`],
      ['disk', `${sizeText(disk.freeBytes)} free of ${sizeText(disk.sizeBytes)}`],
      ['garbage', `${counted(store.garbageFiles, 'file')} marked`],
      [
        'last backup',
        lastBackup === null
          ? 'none'
          : `${lastBackup.at}, snapshot ${lastBackup.snapshot}${lastBackup.missing > 0 ? ', incomplete' : ''}`,
      ],
      ['tokens', expiring(status)],
      ...status.lists.map((list) => ['sentinel', listText(list)] as const),
      ...status.webhooks.map((webhook) => ['webhook', webhookText(webhook)] as const),
    ]),
    ...status.servers.flatMap((server) => serverLines(server, status.at)),
    '',
    ...(status.attention.length === 0 ? ['All is well.'] : status.attention.flatMap((line) => folded(`! ${line}`, 2))),
  ]
}

/** Rows of a name and what there is to say of it, folded below what they say. */
function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const second = Math.max(...rows.map(([name]) => name.length)) + 2
  return columns(rows).flatMap((line) => folded(line, second))
}

function serverLines(server: IndexStatus['servers'][number], now: string): readonly string[] {
  const seconds = (Date.parse(now) - Date.parse(server.startedAt)) / 1000
  // After a clock was set back, how long it has been up is not known.
  const up = seconds < 0 ? `started at ${server.startedAt}` : `up ${duration(seconds)}`
  const rates = Object.entries(server.caches).map(([cache, { hits, misses }]) => {
    return `${cache} ${Math.round((100 * hits) / Math.max(1, hits + misses))}%`
  })
  return [
    '',
    ...folded(`server ${server.id}, ${[server.version, ...server.modes].join(', ')}, ${up}`, 2),
    ...table([
      ['  requests', `${server.requests}, ${server.failures} failed; memory ${sizeText(server.residentBytes)}`],
      ['  hits', rates.length === 0 ? 'none yet' : rates.join(', ')],
      ...(server.certificateExpires === null ? [] : [['  certificate', `until ${server.certificateExpires}`] as const]),
      ...server.upstreams.map((upstream) => [`  ${upstream.name}`, upstreamText(upstream)] as const),
    ]),
  ]
}

function upstreamText({ open, lastSuccess, lastError }: IndexStatus['servers'][number]['upstreams'][number]): string {
  if (open.length > 0) return `left alone; ${lastError === null ? '' : lastError.reason}`
  const answered = lastSuccess === null ? [] : [`answered ${lastSuccess}`]
  const failed = lastError !== null && (lastSuccess === null || lastError.at > lastSuccess)
  if (!failed) return answered[0] ?? 'not asked yet'
  return [...answered, `failed: ${lastError.reason}`].join(', then ')
}

/** Who renews by itself ends first nearly always; what people have to do is told beside it. */
function signingText({ signing, ceremony }: IndexStatus): string {
  if (signing === null) return ceremony ? 'none yet: its holders begin it' : 'none: "waxseal init" signs this index'
  const first = (online: boolean): string => {
    const role = signing.roles.find((one) => one.online === online)
    return role === undefined ? 'none' : `${role.role} at ${role.expires}`
  }
  const { snapshot, root } = signing
  return `snapshot ${snapshot}, root ${root}; ends first: ${first(true)}; of what people sign: ${first(false)}`
}

function listText({ upstream, readAt, names, findings }: IndexStatus['lists'][number]): string {
  const found = [
    `${findings['upstream-collision']} internal here`,
    `${findings['upstream-under-namespace']} under prefixes`,
    `${findings['upstream-look-alike']} look-alikes`,
  ]
  return readAt === null
    ? `${upstream} not read yet`
    : `${upstream}, ${names} names, read ${readAt}: ${found.join(', ')}`
}

function webhookText({ name, behind, deliveredAt, failingSince }: IndexStatus['webhooks'][number]): string {
  const last = deliveredAt === null ? 'nothing sent yet' : `last at ${deliveredAt}`
  const failing = failingSince === null ? '' : `, fails since ${failingSince}`
  return `${name}, ${last}, ${counted(behind, 'event')} later${failing}`
}

function expiring({ expiringTokens }: IndexStatus): string {
  const [first] = expiringTokens
  if (first === undefined) return 'none expires within 30 days'
  return `${expiringTokens.length} expire within 30 days, the first (${first.id}) ${first.expires.slice(0, 10)}`
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}
