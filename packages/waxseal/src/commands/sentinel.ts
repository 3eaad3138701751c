import { readLists, readSentinelFindings } from '@waxseal/index'
import type { Administration, Look, ToldFinding, WatchedList } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { EXIT_ENVIRONMENT } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns, counted, folded, printResult } from '../output.ts'
import { startProgress } from '../progress.ts'

export function addSentinel(program: Command): void {
  const sentinel = program
    .command('sentinel')
    .description('names of upstreams that are internal here, reserved, or look like an internal one')
  withExample(withIndexOptions(sentinel.command('status')), 'waxseal sentinel status')
    .description('what was found, and when the lists of upstreams were last read')
    .action((options: AdministerOptions) => administer(options, (index) => status(index, options)))
  withExample(withIndexOptions(sentinel.command('run')), 'waxseal sentinel run')
    .description('read the lists of all upstreams now; exit code 3 when one cannot be read')
    .action((options: AdministerOptions) => administer(options, (index) => run(index, options)))
}

async function status({ store }: Administration, options: AdministerOptions): Promise<void> {
  const lists = await readLists(store)
  const findings = await readSentinelFindings(store)
  printResult(options, { lists, findings }, [...listLines(lists), ...findingLines(findings)])
}

async function run(index: Administration, options: AdministerOptions): Promise<void> {
  const progress = startProgress('Reading project lists')
  let looks: readonly Look[]
  try {
    looks = await index.watchUpstreams({
      onNames: (upstream, names) => progress.update(names, undefined, `names of ${upstream}`),
    })
  } finally {
    progress.end()
  }
  const findings = await readSentinelFindings(index.store)
  const told = looks.length === 0 ? ['No upstream is asked.'] : looks.flatMap(lookLines)
  printResult(options, { looks, findings }, [...told, ...findingLines(findings)])
  if (looks.some(({ kind }) => kind === 'failed')) process.exitCode = EXIT_ENVIRONMENT
}

function lookLines(look: Look): readonly string[] {
  switch (look.kind) {
    case 'unchanged':
      return [`${look.upstream}: the list is as it was.`]
    case 'read':
      return [`${look.upstream}: ${counted(look.names, 'name')}; ${look.told} to tell anew, ${look.gone} gone.`]
    case 'failed':
      return folded(`${look.upstream}: its list cannot be read: ${look.reason}`, 2)
  }
}

function listLines(lists: readonly WatchedList[]): readonly string[] {
  if (lists.length === 0) return ['No list was read yet. To read them now: waxseal sentinel run']
  const rows = lists.map((list) => [list.upstream, list.readAt ?? 'never', String(list.names)])
  return [
    ...columns([['UPSTREAM', 'LAST READ', 'NAMES'], ...rows]),
    ...lists.flatMap(({ upstream, failingSince, reason }) =>
      failingSince === null ? [] : folded(`! ${upstream} cannot be read since ${failingSince}: ${reason}`, 2),
    ),
    ...lists.flatMap(({ upstream, beyond }) =>
      beyond === 0 ? [] : [`! ${upstream} has ${beyond} more names to tell of than are kept.`],
    ),
  ]
}

const SAID: Readonly<Record<ToldFinding['kind'], (own: string) => string>> = {
  'upstream-collision': () => 'is an internal name',
  'upstream-under-namespace': (own) => `is under the reserved ${own}`,
  'upstream-look-alike': (own) => `looks like the internal ${own}`,
}

function findingLines(findings: readonly ToldFinding[]): readonly string[] {
  if (findings.length === 0) return ['', 'Nothing there concerns a name of this index.']
  const rows = findings.map(({ upstream, name, kind, own, since }) => [upstream, name, SAID[kind](own), since])
  return ['', ...columns([['UPSTREAM', 'NAME', 'HERE', 'SINCE'], ...rows])]
}
