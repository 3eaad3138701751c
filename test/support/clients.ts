import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'

export type ClientName = 'pip' | 'twine' | 'poetry' | 'pdm' | 'pipenv' | 'flit'
/** The release's own client, or Debian sid's unpacked by `scripts/fetch-clients.ts`. */
export type Generation = 'bookworm' | 'newest'

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string }
export type RunOptions = {
  readonly cwd: string
  /** Undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly input?: string
}

export type Client = {
  readonly name: ClientName
  readonly generation: Generation
  readonly version: string
  /** For test names: `pip 26.2.2 (newest)`. */
  readonly label: string
  /** The interpreter that the client runs under. */
  readonly python: string
  /** What starts the client, and the PATH that it is started with. */
  readonly command: readonly string[]
  readonly path: string
  /** Runs the client in a scrubbed environment; a non-zero exit is an outcome, not an error. */
  run(args: readonly string[], options: RunOptions): Promise<Outcome>
}

/** A client that the tests want, whether or not this machine has it. */
export type Wanted = { readonly name: ClientName; readonly label: string; readonly client: Client | undefined }

export const SID = resolve(import.meta.dirname, '../../.cache/clients/sid')
const STAMP = `${SID}.json`
/** A client on two busy cores: generous, and still an end for one that waits for an answer nobody gives. */
const CLIENT_TIMEOUT_MS = 240_000

const PACKAGES = {
  pip: 'python3-pip',
  twine: 'twine',
  poetry: 'python3-poetry',
  pdm: 'python3-pdm',
  pipenv: 'pipenv',
  flit: 'flit',
} satisfies Record<ClientName, string>

const outside: string[] = []
let tripwire: Promise<string> | undefined

/** Everything a client asked of another host than loopback since the start of this process. */
export const outsideRequests = (): readonly string[] => outside

/** A proxy that answers nothing and remembers who was called: a client that leaves loopback runs into it. */
const startTripwire = (): Promise<string> =>
  new Promise((done) => {
    const server = createServer((request, response) => {
      outside.push(`${request.method} ${request.url}`)
      response.writeHead(502).end()
    })
    server.on('connect', (request, socket) => {
      outside.push(`CONNECT ${request.url}`)
      socket.end('HTTP/1.1 502 outside of the test\r\n\r\n')
    })
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.unref()
      done(typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '')
    })
  })

/**
 * The whole environment of a client. It is built, not filtered: no `PIP_*`, `UV_*`, index, keyring or configuration of this
 * machine or its user can reach a client, so that no test passes because of them.
 */
const scrubbed = (home: string, path: string, proxy: string): NodeJS.ProcessEnv => {
  for (const folder of ['tmp', 'config', 'cache', 'data', 'state']) mkdirSync(join(home, folder), { recursive: true })
  return {
    PATH: path,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CONFIG_DIRS: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_STATE_HOME: join(home, 'state'),
    // Of no client, but of the command, where it starts one.
    ...(process.env['NODE_COMPILE_CACHE'] ? { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] } : {}),
    LANG: 'C.UTF-8',
    COLUMNS: '400',
    NO_COLOR: '1',
    TERM: 'dumb',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
    PYTHONDONTWRITEBYTECODE: '',
    PYTHONNOUSERSITE: '1',
    PDM_CHECK_UPDATE: '0',
    POETRY_NO_INTERACTION: '1',
    PIPENV_NOSPIN: '1',
    PIPENV_YES: '1',
    http_proxy: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    ALL_PROXY: proxy,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  }
}

/** The scrubbed environment around a home that the caller keeps: whoever leaves loopback stands in `outsideRequests`. */
export const clientEnvironment = async (home: string, path: string): Promise<NodeJS.ProcessEnv> => {
  tripwire ??= startTripwire()
  return scrubbed(home, path, await tripwire)
}

/** Runs a program as a client is run: scrubbed, with an empty home that is removed afterwards. */
export const runScrubbed = async (command: readonly string[], path: string, options: RunOptions): Promise<Outcome> => {
  const home = await mkdtemp(join(tmpdir(), 'waxseal-client-'))
  try {
    const [program = '', ...args] = command
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...(await clientEnvironment(home, path)), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: CLIENT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    // A client that exits before it read its input must not end this process.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    const code = await new Promise<number | null>((done, fail) => {
      child.once('error', fail)
      child.once('close', done)
    })
    return { code, stdout, stderr }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const installedVersion = (name: ClientName): string | undefined => {
  const result = spawnSync('dpkg-query', ['--show', '--showformat', '${db:Status-Status} ${Version}', PACKAGES[name]], {
    encoding: 'utf8',
  })
  return result.status === 0 && result.stdout.startsWith('installed ')
    ? result.stdout.slice('installed '.length)
    : undefined
}

const unpackedVersion = (name: ClientName): string | undefined => {
  if (!existsSync(STAMP)) return undefined
  const stamp = JSON.parse(readFileSync(STAMP, 'utf8')) as { packages: readonly { package: string; version: string }[] }
  return stamp.packages.find((unpacked) => unpacked.package === PACKAGES[name])?.version
}

/** `1:26.2.2+dfsg-1` is version 26.2.2: Debian's epoch, repacking mark and revision are not the client's. */
const plainVersion = (debian: string): string => /^(?:\d+:)?([0-9.]+)/.exec(debian)?.[1] ?? debian

const clientAt = (name: ClientName, generation: Generation, debian: string): Client => {
  const root = generation === 'newest' ? SID : ''
  const python = generation === 'newest' ? join(SID, 'path/python3') : '/usr/bin/python3'
  const path = generation === 'newest' ? `${join(SID, 'path')}:/usr/bin:/bin` : '/usr/bin:/bin'
  const command = name === 'pip' ? [python, '-m', 'pip'] : [python, join(root, '/usr/bin', name)]
  const version = plainVersion(debian)
  return {
    name,
    generation,
    version,
    label: `${name} ${version} (${generation})`,
    python,
    command,
    path,
    run: (args, options) => runScrubbed([...command, ...args], path, options),
  }
}

/** Both generations of the named clients, found or not. */
export const wantedClients = (...names: readonly ClientName[]): readonly Wanted[] =>
  names.flatMap((name) =>
    (['bookworm', 'newest'] as const).map((generation) => {
      const version = generation === 'newest' ? unpackedVersion(name) : installedVersion(name)
      const client = version === undefined ? undefined : clientAt(name, generation, version)
      return { name, label: client?.label ?? `${name} (${generation})`, client }
    }),
  )

/** A test of one client: skipped by name without it, and on CI, where every client must be, failed. */
export const clientTest = (
  wanted: Wanted,
  title: string,
  body: (client: Client, t: TestContext) => Promise<void>,
): void => {
  void test(`${wanted.label} ${title}`, async (t) => {
    if (wanted.client !== undefined) return await body(wanted.client, t)
    const advice = `${wanted.label} is not here: .ci/run installs it, \`node scripts/fetch-clients.ts\` fetches the newest`
    if (process.env['CI']) throw new Error(advice)
    t.skip(advice)
  })
}
