import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cleanEnvironment } from './command.ts'

const LOG_KEPT = 128 * 1024 ** 2

export type ServerOptions = {
  /** Where to listen; by default a free port of 127.0.0.1. */
  readonly listen?: readonly string[]
  /** More arguments of `waxseal serve`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Upstreams in their order: name and the base of their Simple API. */
  readonly upstreams?: ReadonlyMap<string, string>
  /** An existing data folder, kept on `stop`; by default a fresh one that goes with the server. */
  readonly dataDir?: string
  /** A program, with its arguments, that starts the server: `setpriv …`. */
  readonly through?: readonly string[]
  /** Another release's `waxseal.js`; by default this checkout's. */
  readonly main?: string
}

export type TokenRequest = {
  readonly scope: 'read' | 'upload' | 'admin'
  readonly project?: string
  readonly user?: string
}

/** A running `waxseal serve`. */
export type RunningServer = {
  /** The origin, without a final slash. */
  readonly url: string
  readonly pid: number
  readonly dataDir: string
  /** The first administrator's token. */
  readonly token: string
  /** Everything the process said so far, for messages of failing tests. */
  log(): string
  /** Makes a token by the command line, as an administrator would. */
  createToken(request: TokenRequest): Promise<string>
  /** A signal that does not end it. */
  signal(name: NodeJS.Signals): void
  /**
   * SIGTERM; resolves with the exit code when the process is gone, null when it had to be killed. This and disposing of it
   * reject when its database had closed before its work was over.
   */
  stop(): Promise<number | null>
  /** SIGKILL: what a power cut leaves behind. */
  kill9(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What the launcher starts Node with: measured is what users run. */
const LAUNCHER = readFileSync(resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal'), 'utf8')
const NODE_FLAGS = /\bflags=(--\S+)/.exec(LAUNCHER)?.slice(1) ?? []
const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')
const ADMIN_TOKEN = 'waxseal-tests-first-administrator-token'
/** A start takes under half a second; on a busy machine much longer, never this long. */
const START_TIMEOUT_MS = 60_000
/** A stop cuts off what is not finished after half a minute; one that takes longer than this never ends. */
const STOP_TIMEOUT_MS = 120_000

/** What a server says that closed its database before its work was over. */
const CLOSED_TOO_EARLY = /^.*(?:driver has already been destroyed|database is not open).*$/m

type Ready = { readonly url: string; readonly pid: number }

/** The ready file's content once it is whole; the watcher may see it before its last byte is there. */
const readReady = (file: string): Ready | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Ready
  } catch {
    return undefined
  }
}

/** Runs `waxseal …` to its end. Rejects with what it said when it did not exit with 0. */
export const runWaxseal = async (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  main = MAIN,
): Promise<string> => {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`waxseal ${args.join(' ')} exited with ${code}:\n${stderr}${stdout}`)
  return stdout
}

/** Starts the server as the command's contract says and resolves once it answers requests. */
export const startWaxseal = async (options: ServerOptions = {}): Promise<RunningServer> => {
  const scratch = await mkdtemp(join(tmpdir(), 'waxseal-server-'))
  const dataDir = options.dataDir ?? join(scratch, 'data')
  const readyFile = join(scratch, 'ready.json')
  const upstreams = [...(options.upstreams ?? [])].flatMap(([name, url]) => ['--upstream', `${name}=${url}`])
  const watcher = watch(scratch)
  const [first = process.execPath, ...through] = options.through ?? []
  const child = spawn(
    first,
    [
      ...(options.through === undefined ? [] : [...through, process.execPath]),
      ...NODE_FLAGS,
      options.main ?? MAIN,
      'serve',
      '--data',
      dataDir,
      ...(options.listen ?? ['127.0.0.1:0']).flatMap((address) => ['--listen', address]),
      '--ready-file',
      readyFile,
      ...upstreams,
      ...(options.args ?? []),
    ],
    {
      env: {
        ...cleanEnvironment(),
        WAXSEAL_ADMIN_TOKEN: ADMIN_TOKEN,
        // An older release does not know it, and signs nothing.
        ...(options.main === undefined ? { WAXSEAL_OFFLINE_KEYS: join(scratch, 'offline-keys') } : {}),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // A benchmark writes more lines than a string can hold.
    log = log.length > LOG_KEPT ? text : log + text
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const closed = once(child, 'close')

  const ready = await new Promise<Ready>((done, fail) => {
    const look = () => {
      const found = readReady(readyFile)
      if (found !== undefined) done(found)
    }
    watcher.on('change', look)
    const timer = setTimeout(() => fail(new Error(`waxseal did not get ready:\n${log}`)), START_TIMEOUT_MS)
    void exited.then((code) => fail(new Error(`waxseal exited with ${code} before it was ready:\n${log}`)))
    look()
    watcher.once('close', () => clearTimeout(timer))
  })
    .catch((error: unknown) => {
      child.kill('SIGKILL')
      throw error
    })
    .finally(() => watcher.close())

  let told = false
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const code = await exited
    clearTimeout(timer)
    await rm(scratch, { recursive: true, force: true })
    // One that ended by itself has said everything, and leaves nobody behind who could say more.
    if (code === 0) await closed
    const early = CLOSED_TOO_EARLY.exec(log)?.[0]
    // Whoever stops it is told, once; older releases do so, and nobody mends them any more.
    if (early !== undefined && options.main === undefined && !told) {
      told = true
      throw new Error(`The database closed before its work was over: ${early.slice(0, 1500)}`)
    }
    return code
  }
  return {
    url: ready.url.replace(/\/$/, ''),
    pid: ready.pid,
    dataDir,
    token: ADMIN_TOKEN,
    log: () => log,
    async createToken({ scope, project, user = 'tester' }) {
      const only = project === undefined ? [] : ['--project', project]
      const said = await runWaxseal([
        'token',
        'create',
        '--data',
        dataDir,
        '--user',
        user,
        '--scope',
        scope,
        ...only,
        '--json',
      ])
      return (JSON.parse(said) as { token: string }).token
    },
    signal: (name) => void child.kill(name),
    stop: () => end('SIGTERM'),
    async kill9() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      if (options.dataDir !== undefined) await rm(scratch, { recursive: true, force: true })
    },
    async [Symbol.asyncDispose]() {
      await end('SIGTERM')
    },
  }
}
