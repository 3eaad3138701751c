import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  ensureFirstAdmin,
  initTokenUser,
  makeFirstAdmin,
  openAdministration,
  REPOSITORY_SIZES,
  wrongUserName,
} from '@waxseal/index'
import type { Administration, IndexConfig } from '@waxseal/index'
import { Option } from 'commander'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from '../config/defaults.ts'
import type { CheckedConfig } from '../config/load.ts'
import { checkConfig } from '../config/load.ts'
import { invalidConfig, tellProblems } from '../config/problems.ts'
import { CONFIG_NAME } from '../config/read-file.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { initialConfig, PROPOSED_COOLDOWN_DAYS } from '../init/config-text.ts'
import { addressOf } from '../init/address.ts'
import { holdsIndex, signExisting } from '../init/existing.ts'
import { passphraseOf } from '../init/passphrase.ts'
import type { PassphraseOptions } from '../init/passphrase.ts'
import { begin, finish, isUnfinished, occupied } from '../init/place.ts'
import type { InitOptions } from '../init/questions.ts'
import { ask } from '../init/questions.ts'
import { offlineKeysLine, rootLines, signedDocument, signIndex } from '../init/sign-index.ts'
import type { Signed, SignOptions } from '../init/sign-index.ts'
import type { TokenFile } from '../init/token-file.ts'
import { occupied as fileOccupied, prepareTokenFile, removeUnused, writeToken } from '../init/token-file.ts'
import { newOfflineFolder, prepareOfflineFolder } from '../offline-keys.ts'
import { resultText, writeShownOnce } from '../output.ts'
import { collect } from '../repeated.ts'
import { shellWord } from '../shell-word.ts'
import { VERSION } from '../version.ts'
import { writeWhole } from '../write-file.ts'

interface InitCommandOptions extends InitOptions, PassphraseOptions, SignOptions {
  readonly config?: string
  readonly offlineKeys?: string
  readonly tokenFile?: string
}

export function addInit(program: Command): void {
  withExample(
    program.command('init'),
    'waxseal init',
    'waxseal init --yes --data /var/lib/waxseal --prefix corp --private --token-file /root/waxseal.token',
    'waxseal init --data /var/lib/waxseal --passphrase-file /run/passphrase --offline-keys /media/stick',
  )
    .description(
      'make a new, signed index: its folder, its configuration, its keys, its first administrator; or sign one that is there and is not signed. Asks on a terminal',
    )
    .option(
      '--data <dir>',
      `the folder that shall hold it: empty, or not there yet; or that holds one that is not signed (default: ${DEFAULT_DATA}; WAXSEAL_DATA)`,
    )
    .option('--listen <host:port>', `where to listen; may be repeated (default: ${DEFAULT_LISTEN})`, collect)
    .option('--public-url <url>', 'where clients reach it, when a proxy stands in front')
    .option(
      '--upstream <name=url>',
      `an upstream index, in order; may be repeated (default: ${DEFAULT_UPSTREAM.name}=${DEFAULT_UPSTREAM.url})`,
      collect,
    )
    .option('--no-upstream', 'ask no other index')
    .option('--prefix <prefix>', 'names under this prefix are internal; may be repeated', collect)
    .addOption(
      new Option(
        '--cooldown-days <days>',
        `how old files of other indexes have to be before they are given out; 0: of any age (default: ${PROPOSED_COOLDOWN_DAYS})`,
      ).argParser(Number),
    )
    .option('--private', 'reading needs a token too')
    .option('--public', 'reading needs no token (the default)')
    .option('--admin <name>', 'the first administrator (default: admin)')
    .option(
      '--token-file <file>',
      "write the administrator's token to this new file, for its owner alone, instead of showing it",
    )
    .option(
      '--passphrase-file <file>',
      'a file with the passphrase for the offline keys, - for standard input (else: asked for; with --yes: one is made, and shown)',
    )
    .option(
      '--offline-keys <dir>',
      'where the offline keys are put, outside the data folder (default: the data folder, with ".offline-keys" behind its name; WAXSEAL_OFFLINE_KEYS)',
    )
    .addOption(
      new Option('--size <size>', 'over how many signed files the pages are spread: 256, 1,024 or 16,384')
        .choices(Object.keys(REPOSITORY_SIZES))
        .default('normal'),
    )
    .option('--config <file>', 'the configuration of an index that is there, to sign it')
    .option('--yes', 'ask nothing: defaults for what no option says', false)
    .option('--json', 'print one JSON document', false)
    .action(init)
}

async function init(options: InitCommandOptions): Promise<void> {
  const stated = { ...options, ...(options.data === undefined ? dataFromEnvironment() : {}) }
  if (options.private === true && options.public === true) {
    throw new CommandError('wrong-use', '--private and --public cannot both hold.', EXIT_USAGE)
  }
  if (!options.yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new CommandError(
      'no-terminal',
      `There is no terminal to ask on. Say the answers as options and add --yes, for example: waxseal init --data ${stated.data ?? DEFAULT_DATA} --yes`,
      EXIT_USAGE,
    )
  }
  const place = stated.data ?? (options.yes ? DEFAULT_DATA : undefined)
  if (options.config !== undefined || (place !== undefined && holdsIndex(resolve(place)))) {
    const { listen, publicUrl, upstream, prefix, cooldownDays, private: isPrivate } = options
    const { public: isPublic, admin, tokenFile } = options
    const others = {
      listen,
      publicUrl,
      upstream,
      prefix,
      cooldownDays,
      private: isPrivate,
      public: isPublic,
      admin,
      tokenFile,
    }
    return await signExisting(
      { ...options, ...(place === undefined || options.config !== undefined ? {} : { data: place }) },
      others,
    )
  }
  if (stated.data !== undefined) refuseOccupied(resolve(stated.data))
  const answers = options.yes ? stated : { ...stated, ...(await ask(stated)) }
  const checked = await valid(answers)
  const { config, settings } = checked
  const data = config.index.dataDir
  const admin = answers.admin ?? 'admin'
  const wrongName = wrongUserName(admin)
  if (wrongName !== undefined) throw new CommandError('wrong-use', wrongName, EXIT_USAGE)
  refuseOccupied(data)
  refuseCooldown(options.cooldownDays)
  const passphrase = await passphraseOf(options)
  const again = isUnfinished(data)
  const tokenFile =
    options.tokenFile === undefined || config.index.adminToken !== undefined
      ? undefined
      : prepareTokenFile(resolve(options.tokenFile), again)
  await prepareOfflineFolder(newOfflineFolder(config.offlineKeys)).catch((error: unknown) => {
    if (tokenFile !== undefined) removeUnused(tokenFile)
    throw error
  })
  begin(data)
  await using index = await openAdministration({ ...config.index, version: VERSION })
  const made = await makeAdministrator(index, config.index, { name: admin, again, tokenFile })
  if (made.kind === 'made' && tokenFile !== undefined) writeToken(tokenFile, made.token)
  if (made.kind === 'known' && tokenFile !== undefined) removeUnused(tokenFile)
  const file = join(data, CONFIG_NAME)
  const values = {
    ...settings.values,
    ...(options.offlineKeys === undefined ? {} : { 'offline-keys': config.offlineKeys }),
    ...(options.cooldownDays === undefined ? {} : { cooldownDays: options.cooldownDays }),
  }
  writeWhole(file, initialConfig(values), { mode: 0o600, owner: statSync(data) })
  const signed = await signIndex(index, config, options, passphrase)
  const text = resultOf(options, checked, { file, administrator: made, tokenFile: tokenFile?.path, signed })
  await writeShownOnce(process.stdout, text)
  // Not before: an init that is cut short here is begun again, with a token that somebody sees.
  finish(data)
}

function refuseCooldown(days: number | undefined): void {
  if (days === undefined || (days >= 0 && days <= 366)) return
  throw new CommandError('wrong-use', '--cooldown-days wants a number of days, from 0 to 366.', EXIT_USAGE)
}

function dataFromEnvironment(): { readonly data?: string } {
  const data = process.env['WAXSEAL_DATA']
  return data === undefined || data === '' ? {} : { data }
}

function refuseOccupied(data: string): void {
  const reason = occupied(data)
  if (reason !== undefined) throw new CommandError('occupied', reason, EXIT_REFUSED)
}

/** What of the environment holds for a new index: its database, its first token, its keys. */
const FROM_ENVIRONMENT = /^WAXSEAL_(?:(?:DATABASE|ADMIN_TOKEN)(?:_FILE)?|OFFLINE_KEYS|SIGNING_[A-Z]+)$/

/** What was said, held to the rules of the configuration. */
async function valid({
  upstream,
  data,
  listen,
  prefix,
  publicUrl,
  offlineKeys,
  ...answers
}: InitOptions & Pick<InitCommandOptions, 'offlineKeys'>): Promise<CheckedConfig> {
  const checked = checkConfig(
    {
      noFile: true,
      data: data ?? DEFAULT_DATA,
      listen: listen ?? [DEFAULT_LISTEN],
      ...(upstream === false ? { upstreams: false } : upstream === undefined ? {} : { upstream }),
      ...(prefix === undefined ? {} : { prefix }),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(offlineKeys === undefined ? {} : { offlineKeys }),
      private: answers.private === true,
    },
    Object.fromEntries(Object.entries(process.env).filter(([name]) => FROM_ENVIRONMENT.test(name))),
  )
  if (checked.problems.length > 0) throw invalidConfig(await tellProblems(checked.problems, undefined))
  return checked
}

/** The first administrator, and its token. */
type Administrator =
  /** Made now, and told this once. */
  | { readonly kind: 'made'; readonly user: string; readonly token: string }
  /** Made by an init that was cut short, and in the file already. */
  | { readonly kind: 'held'; readonly user: string }
  /** The environment gives it, or it was used already. */
  | { readonly kind: 'known'; readonly user: string }

interface Wanted {
  readonly name: string
  readonly again: boolean
  readonly tokenFile: TokenFile | undefined
}

async function makeAdministrator(
  { store, clock }: Administration,
  index: IndexConfig,
  { name, again, tokenFile }: Wanted,
): Promise<Administrator> {
  if (index.adminToken !== undefined) {
    await ensureFirstAdmin(store, clock, undefined, { token: index.adminToken })
    return { kind: 'known', user: name }
  }
  if (tokenFile?.held !== undefined) {
    const user = await initTokenUser(store, tokenFile.held)
    if (user !== undefined) return { kind: 'held', user }
    throw fileOccupied(tokenFile.path)
  }
  const token = await makeFirstAdmin(store, clock, { name, again })
  if (token !== undefined) return { kind: 'made', user: name, token }
  if (again) return { kind: 'known', user: name }
  finish(index.dataDir)
  throw new CommandError(
    'occupied',
    'The database has an administrator already: it belongs to an index. To add a node to it, start: waxseal serve',
    EXIT_REFUSED,
  )
}

interface Made {
  readonly file: string
  readonly administrator: Administrator
  readonly tokenFile: string | undefined
  readonly signed: Signed
}

function resultOf(
  options: InitCommandOptions,
  { config }: CheckedConfig,
  { file, administrator, tokenFile, signed }: Made,
): string {
  const data = config.index.dataDir
  const base = addressOf(config)
  const next = [
    `waxseal serve --data ${shellWord(data)}`,
    `pip install --index-url ${base}simple/ NAME`,
    `waxseal token create --user ci --scope upload --data ${shellWord(data)}`,
  ]
  const { kind, user } = administrator
  const inFile = kind === 'known' ? undefined : tokenFile
  const document = {
    data,
    config: file,
    user,
    token_file: inFile ?? null,
    ...signedDocument(signed, base),
    next,
  }
  const shownToken = kind === 'made' && inFile === undefined ? { token: administrator.token } : {}
  const secret =
    inFile !== undefined
      ? [`Admin token: in ${inFile}`]
      : kind === 'made'
        ? ['Admin token, shown this once:', `  ${administrator.token}`]
        : ['Admin token: the one of WAXSEAL_ADMIN_TOKEN, or the one that was shown before.']
  return resultText(options, { ...document, ...shownToken }, [
    `Made an index in ${data}`,
    `  configuration  ${file}`,
    `  administrator  ${user}`,
    `  offline keys   ${offlineKeysLine(signed)}`,
    '',
    ...secret,
    '',
    'Next:',
    '  1. take the offline keys away from this machine',
    `  2. start it              ${next[0]}`,
    `  3. install through it    ${next[1]}`,
    `  4. let somebody upload   ${next[2]}`,
    ...(config.index.database.kind === 'postgres'
      ? ['', 'The database stands in no file: give WAXSEAL_DATABASE or WAXSEAL_DATABASE_FILE to every command.']
      : []),
    '',
    ...rootLines(signed.root, base),
  ])
}
