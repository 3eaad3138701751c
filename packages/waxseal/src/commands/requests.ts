import { AS_OPERATOR } from '@waxseal/index'
import type { Administration, KnownRequest, ReviewedRequest } from '@waxseal/index'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { collect } from '../repeated.ts'
import { printChange } from './changes.ts'

interface ApproveOptions extends AdministerOptions {
  readonly sha256?: readonly string[]
  readonly reason?: string
}

export function addRequests(program: Command): void {
  const requests = program
    .command('requests')
    .description('what people who were refused ask for: look at it, answer it')
  withExample(withIndexOptions(requests.command('list')), 'waxseal requests list')
    .description('list what waits for an answer')
    .option('--all', 'what is answered, too', false)
    .action((options: AdministerOptions & { readonly all: boolean }) =>
      administer(options, (index) => list(index, options)),
    )
  withExample(withIndexOptions(requests.command('show')), 'waxseal requests show 7')
    .description('show a request with its hashes, and what changed since it was made')
    .argument('<number>', 'the number of the request', number)
    .action((id: number, options: AdministerOptions) => administer(options, (index) => show(index, id, options)))
  withExample(
    withIndexOptions(requests.command('approve')),
    'waxseal requests approve 7',
    'waxseal requests approve 7 --sha256 "$(sha256sum < looked-at.whl | cut -c1-64)"',
  )
    .description('approve the files that were asked for, by their hashes: nothing that came later')
    .argument('<number>', 'the number of the request', number)
    .option('--sha256 <hash>', 'only what has these bytes: what somebody has looked at; may be repeated', collect)
    .option('--reason <text>', 'whoever asked is shown it')
    .action((id: number, options: ApproveOptions) => administer(options, (index) => approve(index, id, options)))
  withExample(withIndexOptions(requests.command('decline')), 'waxseal requests decline 7 --reason "use billing 2"')
    .description('decline a request')
    .argument('<number>', 'the number of the request', number)
    .requiredOption('--reason <text>', 'whoever asked is shown it')
    .action((id: number, options: AdministerOptions & { readonly reason: string }) =>
      administer(options, async (index) => {
        const answer = { kind: 'decline', reason: options.reason } as const
        const outcome = await index.management.answerRequest(id, answer, AS_OPERATOR)
        await printChange(options, index, outcome, [`Request ${id} is declined`])
      }),
    )
}

async function list({ management }: Administration, options: AdministerOptions & { readonly all: boolean }) {
  const requests = await management.requests({ state: options.all ? undefined : 'open' })
  const rows = requests.map((one) => [
    String(one.id),
    releaseOf(one),
    String(one.files.length),
    one.state,
    askerOf(one),
    one.at,
    one.reason ?? '',
  ])
  const lines =
    rows.length === 0
      ? ['Nobody waits for an answer.']
      : columns([['NUMBER', 'WHAT', 'FILES', 'STATE', 'BY', 'SINCE', 'REASON'], ...rows])
  printResult(options, { requests }, lines)
}

async function show({ management }: Administration, id: number, options: AdministerOptions): Promise<void> {
  const request = await known(management, id)
  const { files, later, state, answeredBy, answeredAt, answer, reason, at } = request
  const changed = { replaced: 'has other bytes now', gone: 'is not listed any more', offered: 'is given out' } as const
  printResult(options, request, [
    `Request ${id}: ${releaseOf(request)}, asked by ${askerOf(request)}, ${at}${reason === null ? '' : `: ${reason}`}`,
    ...columns(
      files.map(({ filename, sha256, now, reason: why }) => [
        `  ${sha256}`,
        filename,
        now === 'withheld' ? (why ?? '') : changed[now],
      ]),
    ),
    ...(files.length === 0
      ? ['No file of it was known here when it was asked for: it is answered by a decision about the name.']
      : []),
    ...later.map(({ filename, sha256 }) => `Came later, and is not part of it: ${filename} (sha256 ${sha256})`),
    ...(state === 'open'
      ? [`Answer it: waxseal requests approve ${id}, or waxseal requests decline ${id} --reason TEXT`]
      : [`It is ${state}, by ${answeredBy ?? ''}, ${answeredAt ?? ''}${answer === null ? '' : `: ${answer}`}`]),
  ])
}

async function approve(index: Administration, id: number, options: ApproveOptions): Promise<void> {
  const { files, project } = await known(index.management, id)
  const sha256s = options.sha256 ?? files.map(({ sha256 }) => sha256)
  const answer = { kind: 'approve', sha256s, reason: options.reason } as const
  const outcome = await index.management.answerRequest(id, answer, AS_OPERATOR)
  const approved = files.filter(({ sha256 }) => sha256s.includes(sha256))
  const { state } = await known(index.management, id)
  const done =
    state === 'open'
      ? `Request ${id} waits for more approvals; approved of ${project}:`
      : `Request ${id} is approved, of ${project}:`
  const lines = columns(approved.map(({ filename, sha256 }) => [`  ${sha256}`, filename]))
  await printChange(options, index, outcome, [done, ...lines], { state })
}

async function known(management: Administration['management'], id: number): Promise<ReviewedRequest> {
  const request = await management.request(id)
  if (request === undefined) throw new CommandError('not-found', `There is no request ${id}.`, EXIT_REFUSED)
  return request
}

function releaseOf({ project, version }: Pick<KnownRequest, 'project' | 'version'>): string {
  return version === null ? project : `${project}==${version}`
}

function askerOf({ askedBy, address }: Pick<KnownRequest, 'askedBy' | 'address'>): string {
  return askedBy ?? `somebody at ${address ?? 'this machine'}`
}

function number(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be the number of a request: waxseal requests list.')
}
