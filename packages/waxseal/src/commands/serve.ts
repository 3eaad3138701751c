import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  ceremonyBegun,
  firstRoot,
  hasInitToken,
  listenOnAll,
  offlineKeyFiles,
  offlineKeyIds,
  openIndex,
  ownFolder,
  ServerCertificate,
} from '@waxseal/index'
import type { Index } from '@waxseal/index'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from '../config/defaults.ts'
import { loadConfig } from '../config/load.ts'
import type { ServerConfig } from '../config/load.ts'
import type { ConfigOptions } from '../config/options.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from '../exit-codes.ts'
import { firstSignal } from '../first-signal.ts'
import { ReadyFile } from '../ready-file.ts'
import { collect } from '../repeated.ts'
import { keysLeftIn, makeOfflineKeys, newOfflineFolder } from '../offline-keys.ts'
import { terminalText, writeShownOnce } from '../output.ts'
import { greeting } from '../serve-greeting.ts'
import { shellWord } from '../shell-word.ts'
import { VERSION } from '../version.ts'

/** Where `npm run docs` builds the documentation, and where a published package has it. */
const DOCS_DIR = join(import.meta.dirname, '../../site')

interface ServeOptions extends ConfigOptions {
  readonly readyFile?: string
  readonly acceptConfig?: boolean
  readonly allowOfflineKey?: readonly string[]
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
      '--offline-keys <dir>',
      'where the offline keys of a new index are put (default: the data folder, with ".offline-keys" behind its name; WAXSEAL_OFFLINE_KEYS)',
    )
    .option(
      '--allow-offline-key <file>',
      'start although this offline key lies in the data folder; may be repeated',
      collect,
    )
    .option('--read-only', 'change nothing: serve what is kept, beside a server that writes or from a read-only folder')
    .option('--offline', 'ask no upstream: serve what is kept and take uploads')
    .option(
      '--config <file>',
      'the configuration file (default: waxseal.toml in the data folder given, or here; WAXSEAL_CONFIG)',
    )
    .option(
      '--accept-config',
      'serve a restored index although it had other upstreams, prefixes or reading; needed once',
    )
    .option(
      '--ready-file <file>',
      'written (JSON: url, pid, version) once requests are answered; gone until then, and after',
    )
    .addHelpText('after', '\nExample:\n  waxseal serve --data /var/lib/waxseal --listen 0.0.0.0:8417 --prefix corp\n')
    .action((options: ServeOptions & { readonly upstream?: readonly string[] | false }) => serve(options))
}

async function serve(options: ServeOptions & { readonly upstream?: readonly string[] | false }): Promise<void> {
  const { upstream, ...rest } = options
  // Before anything that takes time or can fail: a file of an earlier run says that this one is ready.
  using ready = options.readyFile === undefined ? undefined : new ReadyFile(options.readyFile)
  const config = await loadConfig(
    { ...rest, ...(upstream === false ? { upstreams: false } : upstream === undefined ? {} : { upstream }) },
    process.env,
  )
  refuseForgottenConfig(config.index.dataDir, options)
  const stopped = firstSignal()
  await using index = await openIndex(
    { ...config.index, acceptRestored: options.acceptConfig === true, version: VERSION, docs: ownFolder(DOCS_DIR) },
    {
      signNew: {
        size: 'normal',
        offlineKeys: async () =>
          (await makeOfflineKeys(newOfflineFolder(config.offlineKeys), undefined, showOnce)).signers,
      },
    },
  )
  await refuseOfflineKeys(index, config.index.dataDir, options.allowOfflineKey)
  await using parts = new AsyncDisposableStack()
  const certificate = config.tls === undefined ? undefined : parts.use(await ServerCertificate.open(config.tls, index))
  if (certificate !== undefined) index.watchCertificate(certificate)
  rereadOnHangup(certificate)
  const server = await listenOnAll(index.handler, config.listen, {
    limits: { exempt: (address) => index.isTrustedProxy(address) },
    watch: index.connections,
    graceMs: config.stop.graceMs,
    ...(certificate === undefined ? {} : { certificate }),
  }).catch((error: unknown) => {
    throw cannotListen(error)
  })
  parts.use(server)
  index.announceStart()
  // Shown this once: made only now that nothing can keep it from being printed.
  const token = await index.firstAdministrator()
  const firstToken = token ?? { fromInit: await hasInitToken(index.store) }
  const found = {
    firstToken,
    keysLeft: await keysHere(index, config),
    root: await firstRoot(index.store.db),
    ceremony: await ceremonyBegun(config.index.dataDir),
  }
  sayAll(greeting(server.urls, config, found, process.env))
  ready?.write(server.url)
  const signal = await stopped
  ready?.[Symbol.dispose]()
  index.announceStop()
  const { delayMs } = config.stop
  if (delayMs > 0) {
    say(`Stopping (${signal}) in ${delayMs / 1000} seconds: /-/ready says so. Once more stops at once.`)
    await setTimeout(delayMs)
  }
  say(`Stopping (${signal}): no new requests, those under way are finished. Once more stops at once.`)
}

/** Offline keys that are still on this machine, beside the data folder or, allowed by name, in it. */
async function keysHere({ store }: Index, { offlineKeys, index }: ServerConfig): Promise<readonly string[]> {
  const beside = await keysLeftIn(offlineKeys, await offlineKeyIds(store.db))
  return [...beside, ...(await offlineKeyFiles(store.db, index.dataDir))]
}

function showOnce(lines: readonly string[]): Promise<void> {
  return writeShownOnce(process.stdout, terminalText(lines))
}

function sayAll(lines: readonly string[]): void {
  for (const line of lines) say(line)
}

/** Tells whoever watches; nobody watching, or no space where it is kept, is no reason to end. */
function say(line: string): void {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => undefined)
  try {
    process.stdout.write(`${line}\n`)
  } catch {
    // A file's stream throws where a pipe's tells later.
  }
}

/** An offline key beside the online ones is none: whoever breaks into the server has all of them (design.md section 7). */
async function refuseOfflineKeys({ store }: Index, dataDir: string, allowed: readonly string[] = []): Promise<void> {
  const known = new Set(allowed.map((file) => resolve(file)))
  const found = (await offlineKeyFiles(store.db, dataDir)).filter((file) => !known.has(file))
  if (found.length === 0) return
  const options = found.map((file) => `--allow-offline-key ${shellWord(file)}`)
  throw new CommandError(
    'offline-key-here',
    `In the data folder lie offline keys, which whoever breaks into the server would have too: ${found.join(', ')}. Move them off this machine; a server never needs them. To start all the same: ${options.join(' ')}`,
    EXIT_REFUSED,
  )
}

/** A restored index without the configuration of the old one would ask upstreams for names that are its own (attacks.md DC-19). */
function refuseForgottenConfig(dataDir: string, { config }: ServeOptions): void {
  const restored = join(dataDir, 'waxseal.toml.restored')
  if (config !== undefined || process.env['WAXSEAL_CONFIG'] || existsSync(join(dataDir, 'waxseal.toml'))) return
  if (!existsSync(restored)) return
  throw new CommandError(
    'config-restored',
    `This index was restored, and its configuration waits in ${restored}. Look through it (its database above all), then rename it to waxseal.toml, or name another one with --config.`,
    EXIT_ENVIRONMENT,
  )
}

/** SIGHUP asks a service to look at its files again. From a terminal it means that the terminal is gone: that ends us. */
function rereadOnHangup(certificate: ServerCertificate | undefined): void {
  if (!process.stdout.isTTY) process.on('SIGHUP', () => void certificate?.reload())
}

function cannotListen(error: unknown): CommandError {
  const { address, port, hostname } = error as { readonly [name: string]: unknown }
  const where =
    typeof address === 'string' ? `${address} port ${String(port)}` : typeof hostname === 'string' ? hostname : ''
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const why =
    code === 'EADDRINUSE'
      ? 'another program listens there. Stop it, or choose another address with --listen.'
      : code === 'EACCES'
        ? 'this user may not. Ports below 1024 are for root; choose a higher one with --listen.'
        : `the system refused (${code || String(error)}).`
  return new CommandError('cannot-listen', `Cannot listen on ${where}: ${why}`, EXIT_ENVIRONMENT, { cause: error })
}
