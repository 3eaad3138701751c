import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listenOn, openIndex } from '@waxseal/index'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from '../config/defaults.ts'
import type { ServerConfig } from '../config/load.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigOptions } from '../config/options.ts'
import { EXIT_ENVIRONMENT } from '../exit-codes.ts'
import { VERSION } from '../version.ts'

/** Where `npm run docs` builds the documentation, and where a published package has it. */
const DOCS_DIR = join(import.meta.dirname, '../../site')

interface ServeOptions extends ConfigOptions {
  readonly readyFile?: string
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the index')
    .option('--data <dir>', `the folder that holds everything (default: ${DEFAULT_DATA}; WAXSEAL_DATA)`)
    .option(
      '--listen <host:port>',
      `where to listen; port 0 picks a free one; may be repeated (default: ${DEFAULT_LISTEN}; WAXSEAL_LISTEN)`,
      collect,
    )
    .option(
      '--upstream <name=url>',
      `an upstream index, in order; may be repeated (default: ${DEFAULT_UPSTREAM.name}=${DEFAULT_UPSTREAM.url})`,
      collect,
    )
    .option('--no-upstream', 'ask no other index')
    .option(
      '--prefix <prefix>',
      'names under this prefix are internal, also those that do not exist yet; may be repeated',
      collect,
    )
    .option('--private', 'reading needs a token too')
    .option(
      '--config <file>',
      'the configuration file (default: waxseal.toml in the data folder given, or here; WAXSEAL_CONFIG)',
    )
    .option('--ready-file <file>', 'written (JSON: url, pid, version) once requests are answered')
    .addHelpText('after', '\nExample:\n  waxseal serve --data /var/lib/waxseal --listen 0.0.0.0:8417 --prefix corp\n')
    .action((options: ServeOptions & { readonly upstream?: readonly string[] | false }) => serve(options))
}

async function serve(options: ServeOptions & { readonly upstream?: readonly string[] | false }): Promise<void> {
  const { upstream, ...rest } = options
  const { listen, index: config } = await loadConfig(
    { ...rest, ...(upstream === false ? { upstreams: false } : upstream === undefined ? {} : { upstream }) },
    process.env,
  )
  const stopped = firstSignal()
  await using index = await openIndex({ ...config, version: VERSION, docsDir: DOCS_DIR })
  await using servers = new AsyncDisposableStack()
  const urls: string[] = []
  for (const { host, port } of listen) {
    const server = await listenOn(index.handler, host, port).catch((error: unknown) => {
      throw cannotListen(error, `${host}:${port}`)
    })
    urls.push(servers.use(server).url)
  }
  const [url = ''] = urls
  // Shown this once: made only now that nothing can keep it from being printed.
  const token = await index.firstAdministrator()
  for (const line of greeting(url, config, token)) process.stdout.write(`${line}\n`)
  if (options.readyFile !== undefined) writeReadyFile(options.readyFile, url)
  const signal = await stopped
  process.stdout.write(
    `Stopping (${signal}): no new requests, those under way are finished. Once more stops at once.\n`,
  )
}

/** Resolves at the first SIGTERM or SIGINT; a second one then has its usual effect. */
function firstSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
  return promise
}

function cannotListen(error: unknown, where: string): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const why =
    code === 'EADDRINUSE'
      ? 'another program listens there. Stop it, or choose another address with --listen.'
      : code === 'EACCES'
        ? 'this user may not. Ports below 1024 are for root; choose a higher one with --listen.'
        : `the system refused (${code || String(error)}).`
  return new CommandError('cannot-listen', `Cannot listen on ${where}: ${why}`, EXIT_ENVIRONMENT, { cause: error })
}

/** Whole or not there at all: whoever waits for it never reads half of it. */
function writeReadyFile(path: string, url: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, `${JSON.stringify({ url, pid: process.pid, version: VERSION })}\n`)
  renameSync(temporary, path)
}

function greeting(url: string, config: ServerConfig['index'], firstToken: string | undefined): readonly string[] {
  const upstreams = config.upstreams.map(({ name, url: base }) => `${name} (${base})`).join(', ')
  const host = new URL(url).host
  const token =
    firstToken === undefined
      ? [
          `Admin token: the one from before. A new one: waxseal token create --user admin --scope admin --data ${config.dataDir}`,
        ]
      : ['Admin token, shown this once:', `  ${firstToken}`]
  return [
    `Waxseal ${VERSION} answers at ${url}/`,
    `  data       ${config.dataDir}`,
    `  upstreams  ${upstreams === '' ? 'none' : upstreams}`,
    `  prefixes   ${config.prefixes.length === 0 ? 'none' : config.prefixes.join(', ')}`,
    `  reading    ${config.reading}`,
    '',
    ...token,
    '',
    'Install from it, and only from it:',
    `  pip      pip install --index-url ${url}/simple/ NAME`,
    `  uv       uv pip install --default-index ${url}/simple/ NAME`,
    `  Poetry   poetry source add --priority=primary waxseal ${url}/simple/`,
    `  PDM      pdm config pypi.url ${url}/simple/`,
    `  pipenv   pipenv install --pypi-mirror ${url}/simple/ NAME`,
    'Upload to it, with the token as the password:',
    `  twine    twine upload --repository-url ${url}/legacy/ -u __token__ dist/*`,
    `  uv       uv publish --publish-url ${url}/legacy/ --token TOKEN`,
    `Why a name is answered as it is: http://${host}/why/NAME`,
    '',
  ]
}
