import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Argument, Option } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { printResult } from '../output.ts'
import { readSecretFile } from '../secret-file.ts'
import type { SetupClient } from '../setup/clients.ts'
import { SETUP_CLIENTS } from '../setup/clients.ts'
import { configuredAddress, indexAddress } from '../setup/index-address.ts'
import type { Scope, SetupPlan, SetupRequest } from '../setup/setup-plan.ts'
import type { SetupOutcome } from '../setup/write-setup.ts'
import { examineSetup, writeSetup } from '../setup/write-setup.ts'

interface SetupOptions extends AdministerOptions {
  readonly url?: string
  readonly index: string
  readonly scope?: Scope
  readonly projectDir: string
  readonly username?: string
  readonly tokenFile?: string
  readonly ca?: string
  readonly clientVersion?: string
  readonly write?: boolean
  readonly force?: boolean
}

const CLIENTS = Object.keys(SETUP_CLIENTS) as readonly SetupClient[]
/** Plain enough for a TOML key, an INI section and an environment variable. */
const INDEX_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?$/
const USERNAME = /^[A-Za-z0-9._-]{1,128}$/
const TOKEN = /^[!-~]{1,1024}$/

export function addSetup(program: Command): void {
  withExample(
    withIndexOptions(program.command('setup')),
    'waxseal setup pip --url https://packages.example/',
    'waxseal setup uv --write --token-file token.txt',
  )
    .description('print or write the configuration that makes this index the only one of a client')
    .addArgument(new Argument('<client>', 'what to set up').choices(CLIENTS))
    .option(
      '--url <url>',
      "where the index is (default: public-url of the configuration, else this machine's running server)",
    )
    .option('--index <name>', 'what the configuration calls the index', 'waxseal')
    .option('--write', 'write it, instead of printing it')
    .option(
      '--force',
      'take out what is in the way; a copy of each file stays, and exit 1 tells of what cannot be taken out',
    )
    .addOption(
      new Option(
        '--scope <scope>',
        "where to: the project's file, yours, the virtual environment's or the machine's",
      ).choices(['project', 'user', 'venv', 'global']),
    )
    .option('--project-dir <dir>', "the project's folder", '.')
    .option('--username <name>', 'reading needs credentials: who signs in (for a token: __token__)')
    .option(
      '--token-file <file>',
      'the token is the content of this file, - reads standard input; it goes into .netrc or .pypirc',
    )
    .option('--ca <file>', 'certificate authorities (PEM) that the client needs for the index')
    .option('--client-version <version>', 'the version of the client, where it matters (Poetry before 1.5)')
    .action((client: SetupClient, options: SetupOptions) => setUp(client, options))
}

async function setUp(client: SetupClient, options: SetupOptions): Promise<void> {
  const request = await requestOf(options)
  const plan = SETUP_CLIENTS[client](request)
  if (options.write === true && plan.files.length === 0) {
    throw new CommandError(
      'setup-by-hand',
      `Where the lines for ${client} belong, only you know: run this without --write and copy them.`,
      EXIT_USAGE,
    )
  }
  const outcome = options.write === true ? await writeSetup(plan, options.force === true) : await examineSetup(plan)
  // A client that still reaches another index is not set up.
  if (options.write === true && outcome.conflicts.length > 0) process.exitCode = EXIT_REFUSED
  const files = plan.files.map(({ path, shown }, at) => ({ ...outcome.files[at], path, content: shown }))
  const { snippets, notes } = plan
  const document = { client, url: request.index.simple, files, snippets, conflicts: outcome.conflicts, notes }
  printResult(
    options,
    document,
    options.write === true ? writtenLines(plan, outcome) : shownLines(client, plan, outcome),
  )
}

async function requestOf(options: SetupOptions): Promise<SetupRequest> {
  const { index: name, username, tokenFile, ca, scope, clientVersion } = options
  if (!INDEX_NAME.test(name) || name === 'distutils') {
    throw wrongUse(`--index wants letters, digits, "-" and "_", 40 at most; not "${name}".`)
  }
  if (username !== undefined && !USERNAME.test(username)) throw wrongUse(`"${username}" is no user of an index.`)
  const token = tokenFile === undefined ? undefined : readToken(tokenFile)
  const config = options.url === undefined ? await loadConfig(options, process.env) : undefined
  const address = config === undefined ? indexAddress(options.url ?? '') : await configuredAddress(config)
  const signedIn = token !== undefined || config?.index.reading === 'private'
  return {
    index: address,
    name,
    scope,
    projectDir: resolve(options.projectDir),
    username: username ?? (signedIn ? '__token__' : undefined),
    token,
    ca: ca === undefined ? undefined : resolve(ca),
    clientVersion,
    env: process.env,
    home: homedir(),
    platform: process.platform,
  }
}

function readToken(file: string): string {
  const token = readSecretFile(file, '--token-file').trim()
  if (!TOKEN.test(token)) throw wrongUse(`${file} does not hold a token: one line without spaces.`)
  return token
}

function wrongUse(message: string): CommandError {
  return new CommandError('wrong-use', message, EXIT_USAGE)
}

function shownLines(client: SetupClient, plan: SetupPlan, { files, conflicts }: SetupOutcome): readonly string[] {
  return [
    ...plan.files.flatMap(({ path, shown }, at) =>
      block(path + (files[at]?.state === 'as-wanted' ? ' (has it already)' : ''), shown),
    ),
    ...plan.snippets.flatMap(({ title, text }) => block(title, text)),
    ...conflicts.map((conflict) => `In the way: ${conflict}`),
    ...plan.notes,
    ...(plan.files.length === 0 ? [] : ['', `waxseal setup ${client} --write, with the same options, writes it.`]),
  ]
}

function block(title: string, text: string): readonly string[] {
  return [
    `${title}:`,
    '',
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => (line === '' ? '' : `  ${line}`)),
    '',
  ]
}

function writtenLines(plan: SetupPlan, { files, conflicts }: SetupOutcome): readonly string[] {
  return [
    ...files.map(({ path, state, backup }) =>
      state === 'as-wanted'
        ? `${path} has it already.`
        : `Wrote ${path}${backup === undefined ? '.' : `; what was there is in ${backup}.`}`,
    ),
    ...conflicts.map((conflict) => `Still in the way: ${conflict}`),
    ...plan.notes,
  ]
}
