import { OPERATOR } from '@waxseal/index'
import type { Administration, Namespace, NamespaceEffect, NamespaceOutcome } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { confirmed } from '../ask-passphrase.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import type { Output } from '../output.ts'
import { columns, counted, printResult, terminalText } from '../output.ts'

const VISIBILITIES = ['public', 'private'] as const
const CLAIMS = ['offline', 'online'] as const

interface GrantOptions extends AdministerOptions {
  readonly owner: string
  readonly visibility: (typeof VISIBILITIES)[number]
  readonly claims: (typeof CLAIMS)[number]
  readonly yes: boolean
}

interface ChangeOptions extends AdministerOptions, Partial<Pick<GrantOptions, 'owner' | 'visibility' | 'claims'>> {}

interface EndOptions extends AdministerOptions {
  readonly yes: boolean
}

export function addNamespace(program: Command): void {
  const namespace = program
    .command('namespace')
    .description('grant prefixes of names to those who may use them (PEP 752)')
  withExample(
    withIndexOptions(namespace.command('grant')),
    'waxseal namespace grant acme --owner operator',
    'waxseal namespace grant acme-ml --owner alice --visibility private --yes',
  )
    .description('grant a prefix: names under it are its owner’s to create, and no upstream answers for them any more')
    .argument('<prefix>', 'acme covers acme and acme-…, not acmetools')
    .requiredOption('--owner <owner>', 'who may create names: a user, team: and the name of a team, or operator')
    .addOption(visibilityOption().default('public'))
    .addOption(claimsOption().default('offline'))
    .option('--yes', 'do not ask, although names close', false)
    .action(grant)
  withExample(withIndexOptions(namespace.command('list')), 'waxseal namespace list')
    .description('list the namespaces, those of the configuration too')
    .action((options: AdministerOptions) =>
      administer(options, async ({ management }) => {
        const namespaces = (await management.namespaces.list()).map(documentOf)
        const rows = namespaces.map(({ name, owner, visibility, claims, since }) => [
          name,
          owner,
          visibility,
          claims,
          since ?? 'configured',
        ])
        printResult(options, { namespaces }, columns([['PREFIX', 'OWNER', 'VISIBILITY', 'CLAIMS', 'SINCE'], ...rows]))
      }),
    )
  withExample(withIndexOptions(namespace.command('show')), 'waxseal namespace show acme')
    .description('show what a namespace covers, and who decided what about it')
    .argument('<prefix>')
    .action((raw: string, options: AdministerOptions) => show(normalizeProjectName(raw), options))
  withExample(withIndexOptions(namespace.command('change')), 'waxseal namespace change acme --owner bob')
    .description('change the owner of a namespace, who may know it, or who has to stand behind names under it')
    .argument('<prefix>')
    .option('--owner <owner>', 'who may create names from now on')
    .addOption(visibilityOption())
    .addOption(claimsOption())
    .action((raw: string, options: ChangeOptions) => {
      const name = normalizeProjectName(raw)
      const { owner, visibility, claims } = options
      return administer(options, async (index) => {
        const outcome = await index.management.namespaces.change(name, { owner, visibility, claims }, OPERATOR)
        await tell(index, options, outcome, (now) => `${name} is of ${termsText(now)}`)
      })
    })
  withExample(withIndexOptions(namespace.command('end')), 'waxseal namespace end acme --yes')
    .description('end a grant: internal names stay internal, all others are as any name that nobody claimed')
    .argument('<prefix>')
    .option('--yes', 'do not ask, although names open', false)
    .action(end)
}

function visibilityOption(): Option {
  return new Option('--visibility <visibility>', 'whether pages and lists tell of it').choices(VISIBILITIES)
}

function claimsOption(): Option {
  const help = 'once the list is signed, what guards ask for under it: a sealed record, or the server’s word'
  return new Option('--claims <claims>', help).choices(CLAIMS)
}

function grant(raw: string, options: GrantOptions): Promise<void> {
  const name = normalizeProjectName(raw)
  const { owner, visibility, claims } = options
  return administer(options, async (index) => {
    const effect = await index.management.namespaces.effect(name)
    if (effect.closes.length > 0) {
      await agree(options, [
        `${counted(effect.closes.length, 'name')} will be answered by no upstream any more:`,
        ...elsewhere(effect.closes),
      ])
    }
    const outcome = await index.management.namespaces.grant({ name, owner, visibility, claims }, OPERATOR)
    await tell(index, options, outcome, (granted) => `${name} is granted to ${termsText(granted)}`)
  })
}

function end(raw: string, options: EndOptions): Promise<void> {
  const name = normalizeProjectName(raw)
  return administer(options, async (index) => {
    const explained = await index.management.namespaces.explain(name)
    if ('kind' in explained) throw new CommandError(explained.code, explained.message, EXIT_REFUSED)
    const { opens } = await index.management.namespaces.effect(name)
    await agree(options, [
      `Names under ${name} that nobody registered will be as any other: upstreams may be asked for them.`,
      ...elsewhere(opens),
    ])
    const outcome = await index.management.namespaces.end(name, OPERATOR)
    await tell(index, options, outcome, () => `The grant of ${name} ended`)
  })
}

function show(name: string, options: AdministerOptions): Promise<void> {
  return administer(options, async ({ management }) => {
    const explained = await management.namespaces.explain(name)
    if ('kind' in explained) throw new CommandError(explained.code, explained.message, EXIT_REFUSED)
    const { effect, decisions } = explained
    const namespace = documentOf(explained.namespace)
    printResult(options, { namespace, ...effect, decisions }, [
      `${name} is ${namespace.since === null ? 'set apart by the configuration' : `of ${termsText(explained.namespace)}`}.`,
      `${counted(effect.covered, 'name')} under it ${effect.covered === 1 ? 'is' : 'are'} known, ${effect.internal} of them internal.`,
      ...decisions.map(({ rev, at, actor, sentence }) => `decision ${rev}, ${at}, ${actor}: ${sentence}`),
    ])
  })
}

/** Says what would change to whoever has to agree, before anything is done. */
async function agree(options: Output & { readonly yes: boolean }, lines: readonly string[]): Promise<void> {
  process.stderr.write(terminalText(lines))
  if (options.yes || (await confirmed('Go on?'))) return
  throw new CommandError('cancelled', 'Nothing was changed.', EXIT_REFUSED)
}

async function tell(
  { management }: Administration,
  options: Output,
  outcome: NamespaceOutcome,
  done: (namespace: Namespace) => string,
): Promise<void> {
  if (outcome.kind === 'refused') throw new CommandError(outcome.code, outcome.message, EXIT_REFUSED)
  const snapshot = await management.settled()
  if (outcome.kind === 'unchanged') {
    return printResult(options, { changed: false, snapshot }, ['Nothing to change.'])
  }
  const { namespace, effect } = outcome
  printResult(options, { changed: true, snapshot, namespace: documentOf(namespace), effect }, [
    `${done(namespace)} (snapshot ${snapshot})`,
  ])
}

function elsewhere(names: NamespaceEffect['closes']): readonly string[] {
  return columns(names.map(({ project, upstream }) => [`  ${project}`, upstream]))
}

function termsText({ owner, visibility, claims }: Namespace): string {
  return `${owner}, ${visibility}, with ${claims} claims`
}

function documentOf({ isConfigured, since, ...terms }: Namespace): Omit<Namespace, 'since'> & { since: string | null } {
  return { ...terms, since: isConfigured === true ? null : since }
}
