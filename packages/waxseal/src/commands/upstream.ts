import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { openUpstream, probeUpstream } from '@waxseal/index'
import type { ProbeAnswer, UpstreamConfig } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { noIndex, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { DEFAULT_UPSTREAM } from '../config/defaults.ts'
import { lockForEdit } from '../config/edit-lock.ts'
import type { NewUpstream } from '../config/edit-upstreams.ts'
import type { CheckedConfig } from '../config/load.ts'
import { checkConfig } from '../config/load.ts'
import { invalidConfig, tellProblems } from '../config/problems.ts'
import { newConfigFile } from '../config/read-file.ts'
import { redactUrl } from '@waxseal/guard/redact'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { startProgress } from '../progress.ts'
import { collect } from '../repeated.ts'
import { writeWhole } from '../write-file.ts'

interface AddOptions extends AdministerOptions {
  readonly username?: string
  readonly passwordFile?: string
  readonly tokenFile?: string
  readonly caFile?: string
  readonly proxy?: string
  readonly alsoAllow?: readonly string[]
  readonly localVersions?: boolean
  readonly first: boolean
}

interface CheckOptions extends AdministerOptions {
  readonly project: string
}

const NEXT_START = 'A running server takes this up at its next start.'

export function addUpstream(program: Command): void {
  const upstream = program.command('upstream').description('list, add, remove and check the indexes that are asked')
  withExample(withIndexOptions(upstream.command('list')), 'waxseal upstream list')
    .description('list the upstreams in the order in which an undecided name is looked for')
    .action(list)
  withExample(
    withIndexOptions(upstream.command('add')),
    'waxseal upstream add partner https://packages.partner.example/simple/ --username acme --password-file /etc/waxseal/partner.secret --first',
  )
    .description('write an upstream to the configuration file, after all others')
    .argument('<name>', 'what it is called here; decisions are recorded under it')
    .argument('<url>', 'the base under which PROJECT/ stands')
    .option('--username <name>', 'for Basic authentication')
    .option('--password-file <file>', 'a file with the password')
    .option('--token-file <file>', 'a file with a bearer token')
    .option('--ca-file <file>', 'certificate authorities (PEM) to trust instead of the system')
    .option('--proxy <url>', 'an HTTP proxy that everything for it goes through')
    .option('--also-allow <origin>', 'a further origin that its files may come from; may be repeated', collect)
    .option('--local-versions', 'its files may have local version labels')
    .option('--no-local-versions', 'they may not')
    .option('--first', 'before all others', false)
    .action(add)
  withExample(withIndexOptions(upstream.command('remove')), 'waxseal upstream remove partner')
    .description('cut an upstream out of the configuration file; what was decided and stored stays')
    .argument('<name>')
    .action(remove)
  withExample(withIndexOptions(upstream.command('check')), 'waxseal upstream check partner --project acme-tools')
    .description('ask the upstreams for a page, as the server would; exit code 3 when one cannot answer')
    .argument('[name]', 'this one only')
    .option('--project <project>', 'whose page is asked for', 'pip')
    .action(check)
}

/** The configuration, free of problems. */
async function configured(options: AdministerOptions): Promise<CheckedConfig> {
  const checked = checkConfig(options, process.env)
  for (const warning of checked.warnings) process.stderr.write(`waxseal: ${warning}\n`)
  return await withoutProblems(checked)
}

async function withoutProblems(checked: CheckedConfig): Promise<CheckedConfig> {
  if (checked.problems.length > 0) throw invalidConfig(await tellProblems(checked.problems, checked.settings.file))
  return checked
}

async function list(options: AdministerOptions): Promise<void> {
  const { config, settings } = await configured(options)
  const upstreams = config.index.upstreams.map((upstream) => ({
    name: upstream.name,
    url: upstream.url,
    credentials: credentialsOf(upstream),
    proxy: upstream.proxy === undefined ? null : redactUrl(upstream.proxy),
    local_versions: upstream.localVersions,
    from: settings.sourceOf(['upstream', upstream.name]).kind,
  }))
  const rows = upstreams.map(({ name, url, credentials, from }, at) => [`${at + 1}`, name, url, credentials, from])
  const lines =
    rows.length === 0 ? ['No upstream is asked.'] : columns([['', 'NAME', 'URL', 'CREDENTIALS', 'FROM'], ...rows])
  printResult(options, { file: settings.file?.path ?? null, upstreams }, lines)
}

function credentialsOf({ token, username, password }: UpstreamConfig): string {
  if (token !== undefined) return 'token'
  return username === undefined && password === undefined ? 'none' : 'password'
}

async function add(name: string, url: string, options: AddOptions): Promise<void> {
  const { withUpstreams } = await import('../config/edit-upstreams.ts')
  const added: readonly NewUpstream[] = [{ name, values: valuesOf(url, options) }]
  // Any table replaces the built-in upstream, so it is written down as well.
  const builtIn = { name: DEFAULT_UPSTREAM.name, values: { url: DEFAULT_UPSTREAM.url } }
  const both = options.first ? [...added, builtIn] : [builtIn, ...added]
  await edit(options, {
    change: (text, { config, settings }) => {
      if (config.index.upstreams.some((known) => known.name === name)) {
        const message = `There is an upstream ${name} already; see: waxseal upstream list`
        throw new CommandError('conflict', message, EXIT_REFUSED)
      }
      return withUpstreams(text, settings.values.upstream === undefined ? both : added, options.first)
    },
    lines: [
      `Added ${name} ${options.first ? 'before all others' : 'after all others'}.`,
      `Whether it answers: waxseal upstream check ${name}`,
    ],
  })
}

function valuesOf(url: string, options: AddOptions): NewUpstream['values'] {
  const { username, passwordFile, tokenFile, caFile, proxy, alsoAllow, localVersions } = options
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { 'password-file': resolve(passwordFile) }),
    ...(tokenFile === undefined ? {} : { 'token-file': resolve(tokenFile) }),
    ...(caFile === undefined ? {} : { 'ca-file': resolve(caFile) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(alsoAllow === undefined ? {} : { 'also-allow': alsoAllow }),
    ...(localVersions === undefined ? {} : { 'local-versions': localVersions }),
  }
}

async function remove(name: string, options: AdministerOptions): Promise<void> {
  const { withoutUpstream } = await import('../config/edit-upstreams.ts')
  await edit(options, {
    change: (text, { config }) => {
      if (config.index.upstreams.some((known) => known.name === name)) return withoutUpstream(text, name)
      throw new CommandError('not-found', `There is no upstream ${name}; see: waxseal upstream list`, EXIT_REFUSED)
    },
    lines: [
      `Removed ${name}. Projects that belong to it keep what is stored of them; nothing new is fetched, and no other upstream is asked for them.`,
    ],
  })
}

interface Edit {
  /** The text of the file as it is to be; undefined where that takes a person. */
  readonly change: (text: string, checked: CheckedConfig) => string | undefined
  readonly lines: readonly string[]
}

/** Writes the file edited, if what it then says is right. */
async function edit(options: AdministerOptions, { change, lines }: Edit): Promise<void> {
  const { settings, config } = await configured(options)
  const path = resolve(settings.file?.path ?? newConfigFile(options, process.env))
  const folder = statSync(dirname(path), { throwIfNoEntry: false })
  if (folder === undefined) throw noIndex(config.index.dataDir)
  const upstreams = await writable(path, async () => {
    using _lock = lockForEdit(path)
    // Anew: another command may have edited it, or made it, before this one had the lock.
    const before = checkConfig(options, process.env)
    const text = change(before.settings.file?.text ?? '', await withoutProblems(before))
    if (text === undefined) {
      throw new CommandError(
        'cannot-edit',
        `${path} is written in a way that this command cannot change without changing more. Edit [upstream] in it by hand.`,
        EXIT_REFUSED,
      )
    }
    const after = await withoutProblems(checkConfig({ ...options, config: path, contents: text }, process.env))
    writeWhole(path, text, { owner: folder })
    return after.config.index.upstreams.map(({ name }) => name)
  })
  const order =
    upstreams.length === 0 ? 'No upstream is asked any more.' : `Asked in this order: ${upstreams.join(', ')}.`
  printResult(options, { file: path, upstreams }, [...lines, order, `Written to ${path}. ${NEXT_START}`])
}

/** What `write` gives; what the system says against it becomes a sentence. */
async function writable<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error && 'code' in error)) throw error
    const owner = error.code === 'EPERM' || error.code === 'EACCES' ? ' Run this as its owner, or as root.' : ''
    const message = `${path} cannot be written (${String(error.code)}), and nothing was changed.${owner}`
    throw new CommandError('cannot-write', message, EXIT_ENVIRONMENT, { cause: error })
  }
}

async function check(name: string | undefined, options: CheckOptions): Promise<void> {
  const { config } = await configured(options)
  const chosen = config.index.upstreams.filter((upstream) => name === undefined || upstream.name === name)
  if (name !== undefined && chosen.length === 0) {
    throw new CommandError('not-found', `There is no upstream ${name}; see: waxseal upstream list`, EXIT_REFUSED)
  }
  const project = normalizeProjectName(options.project)
  const progress = startProgress('Asking')
  let done = 0
  const upstreams = await Promise.all(
    chosen.map(async (upstream) => {
      const started = performance.now()
      await using opened = openUpstream(upstream)
      const answer = await probeUpstream(opened, project)
      progress.update((done += 1), chosen.length, 'upstreams')
      return { name: upstream.name, url: upstream.url, ms: Math.round(performance.now() - started), answer }
    }),
  ).finally(() => progress.end())
  const told = upstreams.map(({ answer, ...rest }) => ({
    ...rest,
    ok: answer.kind === 'ok',
    ...(answer.kind === 'ok' ? { files: answer.files ?? null } : { reason: answer.reason }),
  }))
  const lines = upstreams.map(({ name: known, ms, answer }) => `${known}: ${sentence(answer, project)} (${ms} ms)`)
  printResult(options, { project, upstreams: told }, lines.length === 0 ? ['No upstream is asked.'] : lines)
  if (told.some(({ ok }) => !ok)) process.exitCode = EXIT_ENVIRONMENT
}

function sentence(answer: ProbeAnswer, project: string): string {
  if (answer.kind === 'failed') return `FAILED. ${answer.reason}`
  return answer.files === undefined
    ? `answers; it has no project ${project}`
    : `answers; ${project} has ${answer.files} files there`
}
