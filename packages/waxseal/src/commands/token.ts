import { createToken, listTokens, listUsers, OPERATOR, revokeToken } from '@waxseal/index'
import type { Administration } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { instant } from '../instant.ts'
import { columns, printResult } from '../output.ts'

type Scope = 'read' | 'upload' | 'admin'

interface CreateOptions extends AdministerOptions {
  readonly user: string
  readonly scope: Scope
  readonly project?: string
  readonly label?: string
  readonly expires?: string
}

interface ListOptions extends AdministerOptions {
  readonly user?: string
}

/** Who works on the data folder itself may do everything: it is theirs to read and write. */
const ALL_RIGHTS = { kind: 'principal', user: 'operator', scope: 'admin' } as const

export function addToken(program: Command): void {
  const token = program.command('token').description('create, list and revoke API tokens')
  withExample(
    withIndexOptions(token.command('create')),
    'waxseal token create --user ci --scope upload --project billing --label "GitLab CI" --expires 2027-01-31',
  )
    .description('create a token; its text is printed this once')
    .requiredOption('--user <name>', 'whose token it is; made if there is no such user, for admin as an administrator')
    .addOption(
      new Option('--scope <scope>', 'what it allows').choices(['read', 'upload', 'admin']).makeOptionMandatory(),
    )
    .option('--project <project>', 'limit it to one project')
    .option('--label <text>', 'what it is for')
    .option('--expires <time>', 'ISO 8601, for example 2027-01-31 or 2027-01-31T12:00:00Z')
    .action((options: CreateOptions) => administer(options, (index) => create(index, options)))
  withExample(withIndexOptions(token.command('list')), 'waxseal token list --user ci')
    .description('list tokens: whose, for what, until when; never their text')
    .option('--user <name>', 'of this user only')
    .action((options: ListOptions) => administer(options, (index) => list(index, options)))
  withExample(withIndexOptions(token.command('revoke')), 'waxseal token revoke 7UUPgqLxYyVw')
    .description('revoke a token for good')
    .argument('<id>', 'its id, as `waxseal token list` shows it')
    .action((id: string, options: AdministerOptions) => administer(options, (index) => revoke(index, id, options)))
}

async function create(index: Administration, options: CreateOptions): Promise<void> {
  const { user, scope } = options
  const expiresAt = options.expires === undefined ? undefined : expiry(options.expires, index.clock.now())
  const project = options.project === undefined ? undefined : normalizeProjectName(options.project)
  const known = (await listUsers(index.store)).find(({ name }) => name === user)
  if (scope === 'admin' && known?.admin === false) {
    throw new CommandError(
      'not-an-administrator',
      `The user ${user} is not an administrator, so a token of theirs cannot be one. Use another user, or another scope.`,
      EXIT_REFUSED,
    )
  }
  const made = await createToken(index.store, index.clock, {
    user,
    scope,
    makeUser: true,
    by: OPERATOR,
    ...(project === undefined ? {} : { project }),
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  const document = { ...made, user, scope, project: project ?? null, expires_at: expiresAt ?? null }
  printResult(options, document, [
    ...(known === undefined ? [`Made the user ${user}${scope === 'admin' ? ', an administrator' : ''}.`] : []),
    `Token ${made.id} for ${user}, scope ${scope}${project === undefined ? '' : `, project ${project} only`}. It is shown this once:`,
    made.token,
  ])
}

function expiry(text: string, now: number): string {
  const time = instant(text)
  if (time === undefined || time <= now) {
    throw new CommandError(
      'expires-invalid',
      `--expires wants a time in the future, for example 2027-01-31; not "${text}".`,
      EXIT_USAGE,
    )
  }
  return new Date(time).toISOString()
}

async function list(index: Administration, options: ListOptions): Promise<void> {
  const { user } = options
  if (user !== undefined && !(await listUsers(index.store)).some(({ name }) => name === user)) {
    throw new CommandError('not-found', `There is no user ${user}; see: waxseal user list`, EXIT_REFUSED)
  }
  const tokens = (await listTokens(index.store, ALL_RIGHTS)).filter(
    (token) => user === undefined || token.user === user,
  )
  const rows = tokens.map((token) => [
    token.id,
    token.user,
    token.scope,
    token.project ?? '*',
    token.revoked_at === null ? (token.expires_at ?? 'never') : 'revoked',
    token.last_used_at ?? 'never',
    token.label ?? '',
  ])
  printResult(
    options,
    { tokens },
    columns([['ID', 'USER', 'SCOPE', 'PROJECT', 'EXPIRES', 'LAST USED', 'LABEL'], ...rows]),
  )
}

async function revoke(index: Administration, id: string, options: AdministerOptions): Promise<void> {
  if (!(await revokeToken(index.store, index.clock, ALL_RIGHTS, id, OPERATOR))) {
    throw new CommandError('not-found', `There is no token ${id}; see: waxseal token list`, EXIT_REFUSED)
  }
  printResult(options, { revoked: id }, [`Revoked ${id}. Running servers refuse it within seconds.`])
}
