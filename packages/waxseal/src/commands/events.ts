import { once } from 'node:events'
import type { EventKind, ToldEvent } from '@waxseal/index'
import { EVENT_KINDS, followEvents, MAX_EVENTS, readEvents, readNewestEvents } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { printResult, terminalText } from '../output.ts'

interface EventsOptions extends AdministerOptions {
  readonly follow: boolean
  readonly after?: number
  readonly limit: number
  readonly kind?: readonly EventKind[]
  readonly project?: string
}

const DEFAULT_LIMIT = 20

export function addEvents(program: Command): void {
  withExample(
    withIndexOptions(program.command('events')),
    'waxseal events --limit 100',
    'waxseal events --follow --json',
  )
    .description('what was done and what happened: the newest events, or those after one')
    .option('--after <id>', 'those after this event, the oldest first', eventId)
    .option('--limit <n>', `at most so many, up to ${MAX_EVENTS}`, atMost, DEFAULT_LIMIT)
    .option('--kind <kind>', 'only of this kind; may be repeated', knownKinds)
    .option('--project <project>', 'only about this project')
    .option('--follow', 'go on with what follows until interrupted; with --json one document a line', false)
    .action((options: EventsOptions) => administer(options, (index) => tell(index, options)))
}

type EventsIndex = Parameters<Parameters<typeof administer>[1]>[0]

async function tell({ store }: EventsIndex, options: EventsOptions): Promise<void> {
  const { after, limit, follow, kind: kinds } = options
  const project = options.project === undefined ? undefined : normalizeProjectName(options.project)
  const filter = { kinds, project }
  const events = await (after === undefined
    ? readNewestEvents(store, limit, filter)
    : readEvents(store, after, limit, filter))
  if (!follow) return printResult(options, { events }, events.map(line))
  const ended = interruption()
  let last = after ?? 0
  const print = async (told: readonly ToldEvent[]): Promise<void> => {
    last = told.at(-1)?.id ?? last
    const text = options.json
      ? told.map((event) => `${JSON.stringify(event)}\n`).join('')
      : terminalText(told.map(line))
    // A reader that stands still is waited for: what it has not read stays in the database.
    if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain', { signal: ended })
  }
  try {
    await print(events)
    for await (const some of followEvents(store, last, ended, filter)) await print(some)
  } catch (error) {
    if (!ended.aborted) throw error
  }
}

/** Ctrl-C, a service manager, or nobody reading any more. */
function interruption(): AbortSignal {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  process.stdout.once('error', end)
  return ended.signal
}

function line({ id, at, kind, actor, project, detail }: ToldEvent): string {
  const more = Object.entries(detail as object).map(([name, value]) => `${name}=${plain(value)}`)
  const who = actor === null ? [] : [`by ${actor}`]
  return [id, at, kind, ...who, ...(project === null ? [] : [project]), ...more].join('  ')
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function knownKinds(text: string, before: readonly EventKind[] = []): readonly EventKind[] {
  const kind = EVENT_KINDS.find((one) => one === text)
  if (kind !== undefined) return [...before, kind]
  throw new InvalidArgumentError('It has to be a kind of event, as docs/operation.md lists them.')
}

function eventId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be the id of an event, or 0 for all.')
}

function atMost(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MAX_EVENTS) return limit
  throw new InvalidArgumentError(`It has to be a number from 1 to ${MAX_EVENTS}.`)
}
