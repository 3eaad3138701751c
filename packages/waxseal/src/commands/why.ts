import { explainProject, guardHome, listTrust, stateText } from '@waxseal/guard'
import type { ClientExplanation } from '@waxseal/guard'
import type { Explanation } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import type { GuardingOptions } from '../guarding.ts'
import { openTrusted } from '../guarding.ts'
import { withExample } from '../help.ts'
import { columns, counted, printResult } from '../output.ts'

interface WhyOptions extends AdministerOptions, GuardingOptions {}

export function addWhy(program: Command): void {
  withExample(withIndexOptions(program.command('why')), 'waxseal why requests', 'waxseal why requests==2.32.0')
    .description('explain a name: who answers for it, what is offered, what is withheld and why')
    .argument('<name>', 'a project, or NAME==VERSION')
    .argument('[version]')
    .option('--trust <url>', 'explain what this trusted index has signed, not what is recorded in a data folder')
    .option('--offline', 'then: ask no network', false)
    .action(why)
}

async function why(raw: string, given: string | undefined, options: WhyOptions): Promise<void> {
  const [name = '', version = given] = raw.split('==', 2)
  const project = normalizeProjectName(name)
  if (options.trust !== undefined) return await whyOfClient(project, version, options)
  try {
    await administer(options, async (index) => {
      const explanation = await index.management.explain(project, version)
      printResult(options, explanation, explanationLines(explanation))
    })
  } catch (error) {
    // Whoever names a folder means a server; else this may be a machine that only installs.
    const isHere = !(error instanceof CommandError && error.code === 'no-index') || options.data !== undefined
    if (isHere || (await listTrust(guardHome(process.env))).length === 0) throw error
    await whyOfClient(project, version, options)
  }
}

async function whyOfClient(project: string, version: string | undefined, options: WhyOptions): Promise<void> {
  await using guard = await openTrusted(options)
  const explanation = await explainProject(guard, project, version)
  printResult(options, explanation, clientLines(explanation))
}

function clientLines(explanation: ClientExplanation): readonly string[] {
  const { project, known, refusal, status, statusReason, newest, offered, withheld, next, notes } = explanation
  const state = `${explanation.index}${stateText(explanation)}`
  if (refusal !== null)
    return [`Nothing of ${project} is handed on: so says ${state}.`, refusal.reason, ...about(explanation), ...notes]
  const last = next === null ? notes : [next, ...notes]
  if (!known)
    return [`Nobody offers ${project}: nothing of that name is signed by ${state}.`, ...about(explanation), ...last]
  const yanked = offered.filter((file) => file.yanked !== false).length
  return [
    `${project} is answered for by ${state}.`,
    ...about(explanation),
    ...columns([
      ['status', statusReason === null ? (status ?? '') : `${status}: ${statusReason}`],
      ...(newest === null ? [] : [['newest', newest]]),
      ['offered', `${counted(offered.length, 'file')}${yanked === 0 ? '' : `, ${yanked} yanked`}`],
      ['withheld', counted(withheld.length, 'file')],
    ]),
    ...columns(
      offered.map(({ filename, trust, pinnedSince, yanked: reason }) => [
        `  ${filename}`,
        pinnedSince === undefined ? trust : `${trust} since ${pinnedSince.slice(0, 10)}`,
        reason === false ? '' : `yanked${typeof reason === 'string' ? `: ${reason}` : ''}`,
      ]),
    ),
    ...columns(withheld.map(({ filename, code, reason }) => [`  ${filename}`, code, reason])),
    ...last,
  ]
}

const RULE_WORDS: Readonly<Record<NonNullable<ClientExplanation['rule']>, string>> = {
  denied: 'the deny list of the index',
  'sealed-record': "the name's record, sealed offline",
  'claimed-record': "the name's record, claimed by the server",
  namespace: 'the namespace that the name belongs to',
  default: 'the default for names that nobody claimed',
  none: 'nothing: nobody has decided about this name',
}

/** What decides about the name, and who decided that. */
function about({ rule, decision }: ClientExplanation): readonly string[] {
  const from = decision?.sources.length === 0 ? 'nowhere' : decision?.sources.join(' and ')
  return columns([
    ...(rule === null ? [] : [['rule', RULE_WORDS[rule]]]),
    ...(decision === null
      ? []
      : [
          [
            'authority',
            `${decision.authority}, files from ${from}${decision.closed ? ', and only those that the record lists' : ''}`,
          ],
          [
            'decided',
            `revision ${decision.rev}, by ${decision.by}, ${decision.since}${decision.reason === null ? '' : `: ${decision.reason}`}`,
          ],
        ]),
  ])
}

/** What people get; `--json` has more. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const { sentence, authority, source, status, statusReason, withheld, decisions, next, newest, sealed } = explanation
  return [
    sentence,
    ...columns([
      ['authority', authority],
      ['rule', ruleText(explanation)],
      ...(explanation.decision === null ? [] : [['decided by', decisionText(explanation.decision)]]),
      ...(sealed === null
        ? []
        : [['sealed', `by ${sealed.role}, revision ${sealed.rev}, ${sealed.by}, ${sealed.since}`]]),
      ['answered from', source ?? 'nowhere'],
      ['status', statusReason === null ? status : `${status}: ${statusReason}`],
      ...(explanation.upstreamCheckedAt === null ? [] : [['upstream answered', explanation.upstreamCheckedAt]]),
      ['newest allowed', newest ?? 'none'],
      ['offered', offeredText(explanation)],
      ['withheld', withheldText(explanation)],
    ]),
    ...columns(withheld.map(({ filename, code, since, reason }) => [`  ${filename}`, code, since ?? '', reason])),
    ...decisions.map(({ rev, at, actor, sentence: decided }) => `decision ${rev}, ${at}, ${actor}: ${decided}`),
    ...openingLines(explanation),
    ...(next === null ? [] : [next]),
    // What is explained is what was recorded; that an upstream fails at present is not.
    ...(source === null && authority === 'unclaimed' ? ['Whether the upstreams answer: waxseal upstream check'] : []),
  ]
}

/** Named where the first sentence is not of it already. */
function ruleText({ rule, sentence }: Explanation): string {
  const name = rule.of === null ? rule.kind : `${rule.kind} ${rule.of}`
  return rule.sentence === sentence ? name : `${name}: ${rule.sentence}`
}

function decisionText({ by, since, reason }: NonNullable<Explanation['decision']>): string {
  return `${by}${since === null ? '' : `, ${since}`}${reason === null ? '' : `: ${reason}`}`
}

function openingLines({ denials, openings, rule }: Explanation): readonly string[] {
  return [
    ...denials
      .filter(({ n }) => String(n) !== rule.of || rule.kind !== 'denial')
      .map(({ n, overlay, version, sha256, reason }) => {
        const what = sha256 === null ? (version ?? 'the whole name') : `sha256 ${sha256}`
        return `denial ${n}: ${what} is ${overlay}: ${reason}`
      }),
    ...openings.map(
      ({ kind, askedAt, askedBy }) => `waits for the holders of the seal: a ${kind}, asked by ${askedBy}, ${askedAt}`,
    ),
  ]
}

function offeredText({ offered, offeredCount }: Explanation): string {
  const yanked = offered.filter((file) => file.yanked).length
  const of = offered.length === offeredCount ? '' : `of the newest ${offered.length} `
  return `${counted(offeredCount, 'file')}${yanked === 0 ? '' : `, ${of}${yanked} yanked`}`
}

function withheldText({ withheld, withheldCount }: Explanation): string {
  const count = counted(withheldCount, 'file')
  return withheld.length === withheldCount ? count : `${count}, of which the newest ${withheld.length}:`
}
